// SPDX-License-Identifier: Apache-2.0
// What x402 talks to on a chain, for tests: seen from outside as the deployed ones are, with hostile
// relatives. Put at the canonical addresses by anvil_setCode, so none needs a constructor. Nothing
// here is audited or guards money: anybody may mint.
pragma solidity 0.8.30;

interface Signer1271 {
    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4);
}

library Recover {
    uint256 private constant HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    function split(bytes memory signature) internal pure returns (bytes32 r, bytes32 s, uint8 v) {
        assembly {
            r := mload(add(signature, 32))
            s := mload(add(signature, 64))
            v := byte(0, mload(add(signature, 96)))
        }
    }

    function strictly(bytes32 hash, bytes memory signature) internal pure returns (address who) {
        require(signature.length == 65, "ECRecover: invalid signature length");
        (bytes32 r, bytes32 s, uint8 v) = split(signature);
        require(uint256(s) <= HALF_ORDER, "ECRecover: invalid signature 's' value");
        require(v == 27 || v == 28, "ECRecover: invalid signature 'v' value");
        who = ecrecover(hash, v, r, s);
        require(who != address(0), "ECRecover: invalid signature");
    }
}

/// ERC-20, EIP-3009 and EIP-2612 with the order of checks and the texts of FiatToken v2.2.
contract Fiat {
    string public name;
    string public version;
    string public symbol;
    uint8 public decimals;
    bool public paused;
    uint256 public totalSupply;
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    mapping(address => uint256) public nonces;
    mapping(address => bool) public isBlacklisted;
    mapping(address => mapping(bytes32 => bool)) private spent;

    bytes32 public constant TRANSFER_WITH_AUTHORIZATION_TYPEHASH = keccak256(
        "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)");
    bytes32 public constant RECEIVE_WITH_AUTHORIZATION_TYPEHASH = keccak256(
        "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)");
    bytes32 public constant CANCEL_AUTHORIZATION_TYPEHASH = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)");
    bytes32 public constant PERMIT_TYPEHASH = keccak256(
        "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);
    event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce);
    event AuthorizationCanceled(address indexed authorizer, bytes32 indexed nonce);

    struct Order {
        address from;
        address to;
        uint256 value;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }

    function initialize(string calldata n, string calldata v, string calldata s, uint8 d) external {
        require(decimals == 0 && bytes(name).length == 0, "already initialized");
        (name, version, symbol, decimals) = (n, v, s, d);
    }
    function mint(address to, uint256 value) external {
        balanceOf[to] += value;
        totalSupply += value;
        emit Transfer(address(0), to, value);
    }
    function setBalance(address who, uint256 value) external { balanceOf[who] = value; }
    function setPaused(bool on) external { paused = on; }
    function setBlacklisted(address who, bool on) external { isBlacklisted[who] = on; }

    modifier open(address a, address b) {
        require(!paused, "Pausable: paused");
        require(!isBlacklisted[a] && !isBlacklisted[b], "Blacklistable: account is blacklisted");
        _;
    }

    function DOMAIN_SEPARATOR() public view returns (bytes32) {
        return keccak256(abi.encode(
            keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
            keccak256(bytes(name)), keccak256(bytes(version)), block.chainid, address(this)));
    }
    function authorizationState(address who, bytes32 nonce) external view returns (bool) { return spent[who][nonce]; }

    function transfer(address to, uint256 value) external open(msg.sender, to) returns (bool) {
        _move(msg.sender, to, value);
        return true;
    }
    function approve(address spender, uint256 value) external open(msg.sender, spender) returns (bool) {
        _approve(msg.sender, spender, value);
        return true;
    }
    function transferFrom(address from, address to, uint256 value) external open(from, to) returns (bool) {
        require(value <= allowance[from][msg.sender], "ERC20: transfer amount exceeds allowance");
        if (allowance[from][msg.sender] != type(uint256).max) allowance[from][msg.sender] -= value;
        _move(from, to, value);
        return true;
    }

    function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s) external {
        _pay(Order(from, to, value, validAfter, validBefore, nonce), abi.encodePacked(r, s, v));
    }
    function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, bytes memory signature) external {
        _pay(Order(from, to, value, validAfter, validBefore, nonce), signature);
    }
    function receiveWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s) external {
        _collect(Order(from, to, value, validAfter, validBefore, nonce), abi.encodePacked(r, s, v));
    }
    function receiveWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, bytes memory signature) external {
        _collect(Order(from, to, value, validAfter, validBefore, nonce), signature);
    }
    function cancelAuthorization(address who, bytes32 nonce, uint8 v, bytes32 r, bytes32 s) external {
        _cancel(who, nonce, abi.encodePacked(r, s, v));
    }
    function cancelAuthorization(address who, bytes32 nonce, bytes memory signature) external { _cancel(who, nonce, signature); }
    function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external {
        _permit(owner, spender, value, deadline, abi.encodePacked(r, s, v));
    }
    function permit(address owner, address spender, uint256 value, uint256 deadline, bytes memory signature) external {
        _permit(owner, spender, value, deadline, signature);
    }

    function _pay(Order memory o, bytes memory signature) internal virtual open(o.from, o.to) {
        _use(TRANSFER_WITH_AUTHORIZATION_TYPEHASH, o, signature);
        _move(o.from, o.to, o.value);
    }
    function _collect(Order memory o, bytes memory signature) private open(o.from, o.to) {
        require(o.to == msg.sender, "FiatTokenV2: caller must be the payee");
        _use(RECEIVE_WITH_AUTHORIZATION_TYPEHASH, o, signature);
        _move(o.from, o.to, o.value);
    }
    function _use(bytes32 kind, Order memory o, bytes memory signature) internal {
        require(block.timestamp > o.validAfter, "FiatTokenV2: authorization is not yet valid");
        require(block.timestamp < o.validBefore, "FiatTokenV2: authorization is expired");
        require(!spent[o.from][o.nonce], "FiatTokenV2: authorization is used or canceled");
        bytes32 order = keccak256(abi.encode(kind, o.from, o.to, o.value, o.validAfter, o.validBefore, o.nonce));
        require(_signed(o.from, order, signature), "FiatTokenV2: invalid signature");
        spent[o.from][o.nonce] = true;
        emit AuthorizationUsed(o.from, o.nonce);
    }
    function _cancel(address who, bytes32 nonce, bytes memory signature) private {
        require(!paused, "Pausable: paused");
        require(!spent[who][nonce], "FiatTokenV2: authorization is used or canceled");
        require(_signed(who, keccak256(abi.encode(CANCEL_AUTHORIZATION_TYPEHASH, who, nonce)), signature), "FiatTokenV2: invalid signature");
        spent[who][nonce] = true;
        emit AuthorizationCanceled(who, nonce);
    }
    function _permit(address owner, address spender, uint256 value, uint256 deadline, bytes memory signature) private open(owner, spender) {
        require(deadline == type(uint256).max || deadline >= block.timestamp, "FiatTokenV2: permit is expired");
        bytes32 grant = keccak256(abi.encode(PERMIT_TYPEHASH, owner, spender, value, nonces[owner]++, deadline));
        require(_signed(owner, grant, signature), "EIP2612: invalid signature");
        _approve(owner, spender, value);
    }
    function _signed(address who, bytes32 order, bytes memory signature) private view returns (bool) {
        bytes32 hash = keccak256(abi.encodePacked(hex"1901", DOMAIN_SEPARATOR(), order));
        if (who.code.length == 0) return Recover.strictly(hash, signature) == who;
        (bool answered, bytes memory said) = who.staticcall(abi.encodeCall(Signer1271.isValidSignature, (hash, signature)));
        return answered && said.length >= 32 && abi.decode(said, (bytes32)) == bytes32(Signer1271.isValidSignature.selector);
    }
    function _approve(address owner, address spender, uint256 value) private {
        require(spender != address(0), "ERC20: approve to the zero address");
        allowance[owner][spender] = value;
        emit Approval(owner, spender, value);
    }
    function _move(address from, address to, uint256 value) internal virtual {
        require(from != address(0), "ERC20: transfer from the zero address");
        require(to != address(0), "ERC20: transfer to the zero address");
        require(value <= balanceOf[from], "ERC20: transfer amount exceeds balance");
        balanceOf[from] -= value;
        balanceOf[to] += value;
        emit Transfer(from, to, value);
    }
}

/// A token that cheats, in the way it is told to, by so much as it is told.
///   Burn      burns `number` gas before it pays; as much as there is when that is less
///   Mute      takes the authorization and moves nothing
///   Lie       as Mute, and says in the log that it moved
///   Fee       keeps `number` hundredths of a percent of each transfer
///   Turncoat  pays in a simulation and reverts in a block: who only asks pays nothing for gas
///   Late      pays before block `number`, then reverts
///   Loud      reverts with a text of `number` bytes
contract Hostile is Fiat {
    enum Mode { Honest, Burn, Mute, Lie, Fee, Turncoat, Late, Loud }
    Mode public mode;
    uint256 public number;

    function setMode(Mode m, uint256 n) external { (mode, number) = (m, n); }
    function _pay(Order memory o, bytes memory signature) internal override {
        if (mode == Mode.Burn) _burn();
        if (mode == Mode.Turncoat) require(tx.gasprice == 0, "Turncoat: not this time");
        if (mode == Mode.Late) require(block.number < number, "Turncoat: too late");
        if (mode == Mode.Loud) _shout();
        super._pay(o, signature);
    }
    function _move(address from, address to, uint256 value) internal override {
        if (mode == Mode.Lie) emit Transfer(from, to, value);
        if (mode == Mode.Lie || mode == Mode.Mute) return;
        uint256 kept = mode == Mode.Fee ? value * number / 10000 : 0;
        if (kept > 0) super._move(from, address(this), kept);
        super._move(from, to, value - kept);
    }
    function _burn() private view {
        uint256 left = gasleft();
        uint256 floor = left > number ? left - number : 0;
        while (gasleft() > floor) {}
    }
    function _shout() private view {
        bytes memory text = new bytes(number);
        for (uint256 i; i < text.length; i++) text[i] = "L";
        revert(string(text));
    }
}

/// ERC-20 and nothing else, for Permit2.
contract Plain {
    string public name;
    string public symbol;
    uint8 public decimals;
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    event Transfer(address indexed from, address indexed to, uint256 value);

    function initialize(string calldata n, string calldata, string calldata s, uint8 d) external { (name, symbol, decimals) = (n, s, d); }
    function mint(address to, uint256 value) external { balanceOf[to] += value; emit Transfer(address(0), to, value); }
    function approve(address spender, uint256 value) external returns (bool) { allowance[msg.sender][spender] = value; return true; }
    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        require(value <= allowance[from][msg.sender] && value <= balanceOf[from], "Plain: too much");
        allowance[from][msg.sender] -= value;
        balanceOf[from] -= value;
        balanceOf[to] += value;
        emit Transfer(from, to, value);
        return true;
    }
}

contract Multicall3 {
    struct Call { address target; bytes callData; }
    struct Call3 { address target; bool allowFailure; bytes callData; }
    struct Result { bool success; bytes returnData; }

    function tryAggregate(bool requireSuccess, Call[] calldata calls) external payable returns (Result[] memory results) {
        results = new Result[](calls.length);
        for (uint256 i; i < calls.length; i++) {
            results[i] = _call(calls[i].target, calls[i].callData, requireSuccess);
        }
    }
    function aggregate3(Call3[] calldata calls) external payable returns (Result[] memory results) {
        results = new Result[](calls.length);
        for (uint256 i; i < calls.length; i++) {
            results[i] = _call(calls[i].target, calls[i].callData, !calls[i].allowFailure);
        }
    }
    function _call(address target, bytes calldata data, bool must) private returns (Result memory result) {
        (result.success, result.returnData) = target.call(data);
        require(!must || result.success, "Multicall3: call failed");
    }
    function getEthBalance(address who) external view returns (uint256) { return who.balance; }
    function getBlockNumber() external view returns (uint256) { return block.number; }
    function getCurrentBlockTimestamp() external view returns (uint256) { return block.timestamp; }
    function getBasefee() external view returns (uint256) { return block.basefee; }
    function getChainId() external view returns (uint256) { return block.chainid; }
}

/// The part of Permit2 that moves by a signature with a witness.
contract Permit2 {
    struct TokenPermissions { address token; uint256 amount; }
    struct PermitTransferFrom { TokenPermissions permitted; uint256 nonce; uint256 deadline; }
    struct SignatureTransferDetails { address to; uint256 requestedAmount; }
    mapping(address => mapping(uint256 => uint256)) public nonceBitmap;

    error InvalidNonce();
    error SignatureExpired(uint256 signatureDeadline);
    error InvalidAmount(uint256 maxAmount);
    error InvalidSignatureLength();
    error InvalidSignature();
    error InvalidSigner();
    error InvalidContractSignature();
    event UnorderedNonceInvalidation(address indexed owner, uint256 word, uint256 mask);

    function DOMAIN_SEPARATOR() public view returns (bytes32) {
        return keccak256(abi.encode(
            keccak256("EIP712Domain(string name,uint256 chainId,address verifyingContract)"),
            keccak256("Permit2"), block.chainid, address(this)));
    }
    function invalidateUnorderedNonces(uint256 wordPos, uint256 mask) external {
        nonceBitmap[msg.sender][wordPos] |= mask;
        emit UnorderedNonceInvalidation(msg.sender, wordPos, mask);
    }
    function permitWitnessTransferFrom(
        PermitTransferFrom memory permit, SignatureTransferDetails calldata transferDetails, address owner,
        bytes32 witness, string calldata witnessTypeString, bytes calldata signature
    ) external {
        if (block.timestamp > permit.deadline) revert SignatureExpired(permit.deadline);
        if (transferDetails.requestedAmount > permit.permitted.amount) revert InvalidAmount(permit.permitted.amount);
        _spend(owner, permit.nonce);
        _check(owner, _hash(permit, witness, witnessTypeString), signature);
        (bool done, bytes memory said) = permit.permitted.token.call(abi.encodeCall(
            Fiat.transferFrom, (owner, transferDetails.to, transferDetails.requestedAmount)));
        require(done && (said.length == 0 ? permit.permitted.token.code.length > 0 : abi.decode(said, (bool))), "TRANSFER_FROM_FAILED");
    }
    function _spend(address owner, uint256 nonce) private {
        uint256 bit = 1 << (nonce & 0xff);
        if (nonceBitmap[owner][nonce >> 8] & bit != 0) revert InvalidNonce();
        nonceBitmap[owner][nonce >> 8] |= bit;
    }
    function _hash(PermitTransferFrom memory permit, bytes32 witness, string calldata rest) private view returns (bytes32) {
        bytes32 kind = keccak256(abi.encodePacked(
            "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,", rest));
        bytes32 permitted = keccak256(abi.encode(
            keccak256("TokenPermissions(address token,uint256 amount)"), permit.permitted.token, permit.permitted.amount));
        bytes32 order = keccak256(abi.encode(kind, permitted, msg.sender, permit.nonce, permit.deadline, witness));
        return keccak256(abi.encodePacked(hex"1901", DOMAIN_SEPARATOR(), order));
    }
    /// Unlike the token, takes a high s, as Permit2 does.
    function _check(address owner, bytes32 hash, bytes calldata signature) private view {
        if (owner.code.length > 0) {
            if (Signer1271(owner).isValidSignature(hash, signature) != Signer1271.isValidSignature.selector) revert InvalidContractSignature();
            return;
        }
        bytes32 r; bytes32 s; uint8 v;
        if (signature.length == 65) {
            (r, s, v) = Recover.split(signature);
        } else if (signature.length == 64) {
            (r, s) = abi.decode(signature, (bytes32, bytes32));
            v = uint8(uint256(s) >> 255) + 27;
            s = bytes32(uint256(s) & (type(uint256).max >> 1));
        } else {
            revert InvalidSignatureLength();
        }
        address who = ecrecover(hash, v, r, s);
        if (who == address(0)) revert InvalidSignature();
        if (who != owner) revert InvalidSigner();
    }
}

/// What the two settling contracts of x402 share.
abstract contract Settler {
    Permit2 public constant PERMIT2 = Permit2(0x000000000022D473030F116dDEE9F6B43aC78BA3);
    struct EIP2612Permit { uint256 value; uint256 deadline; bytes32 r; bytes32 s; uint8 v; }

    error InvalidDestination();
    error InvalidOwner();
    error PaymentTooEarly();
    error Permit2612AmountMismatch();
    event Settled();
    event SettledWithPermit();

    function _grant(EIP2612Permit calldata grant, Permit2.PermitTransferFrom calldata permit, address owner) internal {
        if (grant.value != permit.permitted.amount) revert Permit2612AmountMismatch();
        // a grant that fails may have been made already, by whoever saw it in the mempool
        try Granting(permit.permitted.token).permit(owner, address(PERMIT2), grant.value, grant.deadline, grant.v, grant.r, grant.s) {} catch {}
    }
    function _open(address owner, address to, uint256 validAfter) internal view {
        if (owner == address(0)) revert InvalidOwner();
        if (to == address(0)) revert InvalidDestination();
        if (block.timestamp < validAfter) revert PaymentTooEarly();
    }
}

interface Granting {
    function permit(address, address, uint256, uint256, uint8, bytes32, bytes32) external;
}

contract ExactProxy is Settler {
    struct Witness { address to; uint256 validAfter; }
    bytes32 public constant WITNESS_TYPEHASH = keccak256("Witness(address to,uint256 validAfter)");
    string public constant WITNESS_TYPE_STRING =
        "Witness witness)TokenPermissions(address token,uint256 amount)Witness(address to,uint256 validAfter)";

    function settle(Permit2.PermitTransferFrom calldata permit, address owner, Witness calldata witness, bytes calldata signature) external {
        _settle(permit, owner, witness, signature);
        emit Settled();
    }
    function settleWithPermit(EIP2612Permit calldata permit2612, Permit2.PermitTransferFrom calldata permit, address owner, Witness calldata witness, bytes calldata signature) external {
        _grant(permit2612, permit, owner);
        _settle(permit, owner, witness, signature);
        emit SettledWithPermit();
    }
    function _settle(Permit2.PermitTransferFrom calldata permit, address owner, Witness calldata witness, bytes calldata signature) private {
        _open(owner, witness.to, witness.validAfter);
        PERMIT2.permitWitnessTransferFrom(
            permit, Permit2.SignatureTransferDetails(witness.to, permit.permitted.amount), owner,
            keccak256(abi.encode(WITNESS_TYPEHASH, witness.to, witness.validAfter)), WITNESS_TYPE_STRING, signature);
    }
}

contract UptoProxy is Settler {
    struct Witness { address to; address facilitator; uint256 validAfter; }
    bytes32 public constant WITNESS_TYPEHASH = keccak256("Witness(address to,address facilitator,uint256 validAfter)");
    string public constant WITNESS_TYPE_STRING =
        "Witness witness)TokenPermissions(address token,uint256 amount)Witness(address to,address facilitator,uint256 validAfter)";
    error AmountExceedsPermitted();
    error UnauthorizedFacilitator();

    function settle(Permit2.PermitTransferFrom calldata permit, uint256 amount, address owner, Witness calldata witness, bytes calldata signature) external {
        _settle(permit, amount, owner, witness, signature);
        emit Settled();
    }
    function settleWithPermit(EIP2612Permit calldata permit2612, Permit2.PermitTransferFrom calldata permit, uint256 amount, address owner, Witness calldata witness, bytes calldata signature) external {
        _grant(permit2612, permit, owner);
        _settle(permit, amount, owner, witness, signature);
        emit SettledWithPermit();
    }
    function _settle(Permit2.PermitTransferFrom calldata permit, uint256 amount, address owner, Witness calldata witness, bytes calldata signature) private {
        if (msg.sender != witness.facilitator) revert UnauthorizedFacilitator();
        if (amount > permit.permitted.amount) revert AmountExceedsPermitted();
        _open(owner, witness.to, witness.validAfter);
        PERMIT2.permitWitnessTransferFrom(
            permit, Permit2.SignatureTransferDetails(witness.to, amount), owner,
            keccak256(abi.encode(WITNESS_TYPEHASH, witness.to, witness.facilitator, witness.validAfter)), WITNESS_TYPE_STRING, signature);
    }
}

/// Belongs to one key. Its signature is the key's 65 bytes, alone or with a word after them.
contract Wallet {
    address public owner;
    constructor(address who) { owner = who; }
    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        if (signature.length != 65 && signature.length != 97) return 0xffffffff;
        (bytes32 r, bytes32 s, uint8 v) = Recover.split(signature);
        address who = ecrecover(hash, v, r, s);
        return who != address(0) && who == owner ? Signer1271.isValidSignature.selector : bytes4(0xffffffff);
    }
}

contract WalletFactory {
    function addressOf(address owner, bytes32 salt) public view returns (address) {
        bytes32 code = keccak256(abi.encodePacked(type(Wallet).creationCode, abi.encode(owner)));
        return address(uint160(uint256(keccak256(abi.encodePacked(hex"ff", address(this), salt, code)))));
    }
    function create(address owner, bytes32 salt) external returns (address made) {
        made = addressOf(owner, salt);
        if (made.code.length == 0) new Wallet{salt: salt}(owner);
    }
}

/// Says what it is told to say, whatever the signature.
contract OddWallet {
    enum Mode { Yes, No, Burn, Revert, Short, Huge }
    Mode public mode;
    function setMode(Mode m) external { mode = m; }
    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        if (mode == Mode.No) return 0xffffffff;
        if (mode == Mode.Burn) while (true) {}
        if (mode == Mode.Revert) revert("OddWallet: no answer");
        if (mode == Mode.Short) assembly { mstore(0, shl(224, 0x1626ba7e)) return(0, 4) }
        if (mode == Mode.Huge) assembly { mstore(0, shl(224, 0x1626ba7e)) return(0, 1000000) }
        return Signer1271.isValidSignature.selector;
    }
}

/// What an account delegates to (EIP-7702): its own key still signs for it.
contract Delegate {
    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        if (signature.length != 65) return 0xffffffff;
        (bytes32 r, bytes32 s, uint8 v) = Recover.split(signature);
        return ecrecover(hash, v, r, s) == address(this) ? Signer1271.isValidSignature.selector : bytes4(0xffffffff);
    }
    receive() external payable {}
}

/// A delegate that knows nothing of signatures.
contract SilentDelegate {
    receive() external payable {}
}
