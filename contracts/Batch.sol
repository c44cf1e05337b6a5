// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// Many payments of one ERC-20 token in one transaction, each on its own: what the token refuses for
/// one payee (who is on its block list, say) does not undo what the others got. Which ones were
/// refused is the answer, and stands in the log.
/// Tokens go from the caller to the payee and never through this contract, which has no owner, no
/// storage and takes no coins: nothing can be stranded in it, and an allowance to it can only ever be
/// used by the one who gave it.
contract Batch {
    /// Bit i of `unpaid` is set when payment i was refused: nothing of it has moved.
    event Batched(address indexed token, address indexed from, uint256 count, uint256 unpaid);

    error NoToken();
    error TooMany();

    /// A payment is one word: 20 bytes of address, 12 bytes of amount. At most 256 of them.
    function pay(address token, bytes32[] calldata payments) external returns (uint256 unpaid) {
        if (token.code.length == 0) revert NoToken();
        if (payments.length > 256) revert TooMany();
        for (uint256 i = 0; i < payments.length; i++) {
            uint256 word = uint256(payments[i]);
            // transferFrom(address,address,uint256)
            (bool ok, bytes memory said) = token.call(
                abi.encodeWithSelector(0x23b872dd, msg.sender, address(uint160(word >> 96)), uint256(uint96(word)))
            );
            // Some tokens answer nothing; one that answers anything but true has refused.
            if (!ok || (said.length != 0 && (said.length < 32 || abi.decode(said, (uint256)) != 1))) {
                unpaid |= 1 << i;
            }
        }
        emit Batched(token, msg.sender, payments.length, unpaid);
    }
}
