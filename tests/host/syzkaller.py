#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""tests/syzkaller/dev_vmrpc.txt and the headers agree: each ioctl is described, with its
structure and direction; the structures have the same fields, of the same sizes, in the same
order; every constant of the ioctls' headers is there, and none that no header has."""

import os
import re
import sys

HERE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DESCRIPTION = "tests/syzkaller/dev_vmrpc.txt"
ABI = "linux/overlay/include/uapi/linux/vmrpc.h"
IOCTLS = ["linux/overlay/include/uapi/linux/vmrpc_dev.h",
          "guest-kernel-patches/linux/overlay/include/uapi/linux/vmrpc_guest.h"]

# Of the headers, and nothing that a caller passes.
NOT_PASSED = {"VMRPC_IOCTL", "VMRPC_GUEST_IOCTL", "VMRPC_GUEST_MAX_HANDLES"}
# Defined by syzkaller, in bytes.
THEIRS = {"fd_event": 4, "fd_memfd": 4, "gid": 4}
DIRECTIONS = {"_IO": None, "_IOW": "in", "_IOR": "out", "_IOWR": "inout"}

problems = []


def say(text):
    problems.append(text)
    print(text)


def read(path, comments):
    with open(os.path.join(HERE, path), encoding="utf-8") as f:
        return re.sub(comments, "", f.read(), flags=re.S | re.M)


class Header:
    """What the headers define, all in one."""

    def __init__(self, texts):
        text = "\n".join(texts)
        self.constants = dict(re.findall(r"^#define\s+(\w+)[ \t]+([^\n]+)$", text, re.M))
        for body in re.findall(r"^enum \w+ \{(.*?)\}", text, re.M | re.S):
            self.constants.update(re.findall(r"(\w+)\s*=\s*(\w+)", body))
        self.ioctls = {name: re.match(r"(_IO\w*)\(\w+, \w+(?:, struct (\w+))?\)", value).groups()
                       for name, value in self.constants.items() if value.startswith("_IO")}
        self.structs = {name: [self.field(line) for line in body.split(";")[:-1]] for name, body in
                        re.findall(r"^struct (\w+) \{(.*?)^\}", text, re.M | re.S)}

    def number(self, text):
        while text in self.constants:
            text = self.constants[text]
        return int(text.rstrip("u"), 0)

    def field(self, line):
        """Name, and bytes or the structure that it is, and how many."""
        kind, name, count = re.match(
            r"\s*(?:struct )?(\w+)\s+(\w+)(?:\[(\w+)\])?", line).groups()
        bits = re.fullmatch(r"__(?:u|s|le)(\d+)", kind)
        return name, int(bits[1]) // 8 if bits else kind, self.number(count) if count else 1

    def size(self, struct):
        return sum((size if isinstance(size, int) else self.size(size)) * count
                   for _, size, count in self.structs[struct])


class Description:
    """What is described, by name without its variant."""

    def __init__(self, text, header):
        self.header = header
        self.words = set(re.findall(r"\b(?:KVM_CAP_)?VMRPC_\w+|\bKVM_CAP_VMRPC\b",
                                    re.sub(r"\$\w+", "", text)))
        self.calls = re.findall(r"^ioctl\$(\w+)\(fd \w+, cmd const\[(\w+)\]"
                                r"(?:, \w+ (?:ptr\[(\w+), ([\w$]+)\]|[^)]*))?\)", text, re.M)
        self.structs = {name: [line.split("\t", 1) for line in body.strip().split("\n\t")]
                        for name, body in re.findall(r"^([\w$]+) \{\n\t(.*?)\n\}", text, re.M | re.S)}

    def size(self, kind):
        """Bytes of a field's type."""
        kind = re.sub(r"\s*\((in|out|inout)\)$", "", kind.strip())
        if kind in THEIRS:
            return THEIRS[kind]
        if kind.startswith(("ptr64[", "vma64")):
            return 8
        array = re.fullmatch(r"array\[(.*), (\w+)\]", kind)
        if array:
            return self.size(array[1]) * self.header.number(array[2])
        string = re.fullmatch(r"string\[\w+, (\w+)\]", kind)
        if string:
            return self.header.number(string[1])
        if kind in self.structs:
            return sum(self.size(field[1]) for field in self.structs[kind])
        bits = re.fullmatch(r"(?:int(\d+)(?:\[[\w:]+\])?|\w+\[\w+, int(\d+)\])", kind)
        return int(bits[1] or bits[2]) // 8


def check_ioctls(header, description):
    described = {cmd: (direction or None, struct.split("$")[0] or None)
                 for name, cmd, direction, struct in description.calls if name == cmd}
    for name, (macro, struct) in header.ioctls.items():
        if name not in described:
            say(f"{name} is not described")
        elif described[name] != (DIRECTIONS[macro], struct):
            say(f"{name} is {macro} of {struct}, and described as {described[name]}")


def check_structs(header, description):
    named = [name.split("$")[0] for name in description.structs]
    for struct in {struct for _, struct in header.ioctls.values() if struct}:
        if struct not in named:
            say(f"struct {struct} is not described")
    for name, fields in description.structs.items():
        struct = name.split("$")[0]
        if struct not in header.structs:
            continue
        theirs = [(field, (size if isinstance(size, int) else header.size(size)) * count)
                  for field, size, count in header.structs[struct]]
        ours = [(field, description.size(kind)) for field, kind in fields]
        if ours != theirs:
            say(f"struct {name}: described as {ours}, is {theirs}")


def check_constants(abi, header, description):
    known = set(abi.constants) | set(header.constants)
    for name in sorted(description.words - known):
        say(f"{name} is described, and no header has it")
    for name in sorted(set(header.constants) - description.words - NOT_PASSED):
        say(f"{name} is not in the description")


def main():
    comment = r"/\*.*?\*/"
    abi_text = read(ABI, comment)
    texts = [read(path, comment) for path in IOCTLS]
    abi, header = Header([abi_text]), Header([abi_text, *texts])
    description = Description(read(DESCRIPTION, r"^#[^\n]*$"), header)
    check_ioctls(header, description)
    check_structs(header, description)
    # Those of the ABI itself are described as far as an ioctl takes them.
    for name in abi.constants:
        header.constants.pop(name)
    check_constants(abi, header, description)
    return 1 if problems else 0


sys.exit(main())
