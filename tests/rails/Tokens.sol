// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// A token for tests, with a switch for everything that tokens do to those who pay with them.
contract Token {
    string public name = "USD Coin";
    string public version = "2";
    string public symbol = "USDC";
    uint8 public decimals;
    bool public paused;
    bool public refuses; // transfers answer false and move nothing
    bool public mute; // transfers answer true and move nothing
    bool public silent; // transfers move, and answer nothing
    uint256 public fee; // of each transfer, in hundredths of a percent
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    mapping(address => bool) public isBlacklisted;

    event Transfer(address indexed from, address indexed to, uint256 value);

    constructor(uint8 d) { decimals = d; }
    function mint(address to, uint256 v) external { balanceOf[to] += v; emit Transfer(address(0), to, v); }
    function set(bool p, bool r, bool m, bool s, uint256 f) external { paused = p; refuses = r; mute = m; silent = s; fee = f; }
    function blacklist(address who, bool on) external { isBlacklisted[who] = on; }
    function approve(address who, uint256 v) external returns (bool) { allowance[msg.sender][who] = v; return true; }
    function _move(address from, address to, uint256 v) internal returns (bool) {
        require(!paused, "Pausable: paused");
        require(!isBlacklisted[from] && !isBlacklisted[to], "Blacklistable: account is blacklisted");
        require(balanceOf[from] >= v, "ERC20: transfer amount exceeds balance");
        if (refuses) return false;
        if (mute) return true;
        uint256 taken = v * fee / 10000;
        balanceOf[from] -= v;
        balanceOf[to] += v - taken;
        if (taken > 0) { balanceOf[address(this)] += taken; emit Transfer(from, address(this), taken); }
        emit Transfer(from, to, v - taken);
        if (silent) assembly { return(0, 0) }
        return true;
    }
    function transfer(address to, uint256 v) external returns (bool) { return _move(msg.sender, to, v); }
    function transferFrom(address from, address to, uint256 v) external returns (bool) {
        require(allowance[from][msg.sender] >= v, "ERC20: transfer amount exceeds allowance");
        allowance[from][msg.sender] -= v;
        return _move(from, to, v);
    }
}

/// Takes no coins.
contract Closed {}

/// Answers as the batch contract does, and pays nobody.
contract Impostor {
    function pay(address, bytes32[] calldata) external returns (uint256) { last = block.number; return 0; }
    uint256 last;
}
