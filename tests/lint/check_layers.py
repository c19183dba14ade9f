#!/usr/bin/env python3
"""Includes point downward only: a folder of src/ includes the layers that its
cooper_layer() names in src/CMakeLists.txt, and theirs. The linker would find
most violations; this says them in words and finds header-only ones."""
import re
import sys

import common

# Bottom up; a layer's DEPENDS must stand before it.
ORDER = ("base model process store log manifest source engine bundle build rack "
         "api server remote plugin cli").split()


def declared_layers(text):
    """{layer: the layers it names} and the line of each."""
    text = re.sub(r"#[^\n]*", "", text)
    layers, lines = {}, {}
    for match in re.finditer(r"cooper_layer\(\s*(\w+)(.*?)\)", text, re.S):
        part = re.search(r"\bDEPENDS\b(.*?)(?:\bLINKS\b|\bSOURCES\b|$)", match[2], re.S)
        layers[match[1]] = part[1].split() if part else []
        lines[match[1]] = common.line_of(text, match.start())
    return layers, lines


def reach(layers, name, seen=None):
    seen = set() if seen is None else seen
    for other in layers.get(name, []):
        if other not in seen:
            seen.add(other)
            reach(layers, other, seen)
    return seen


def main():
    root = common.root_from_argv()
    report = common.Report(root, {"layer"})
    listing = root / "src/CMakeLists.txt"
    layers, lines = declared_layers(listing.read_text())
    for name, depends in layers.items():
        if name not in ORDER:
            report.add("layer", listing, lines[name], f"{name} is no layer that the plan knows")
            continue
        for other in depends:
            if other not in ORDER[:ORDER.index(name)]:
                report.add("layer", listing, lines[name], f"{name} may not depend on {other}: not below it")

    for path in common.sources(root, ("src",)):
        parts = path.relative_to(root / "src").parts
        if len(parts) == 1:
            continue  # the programs' doors wire everything
        layer = parts[0]
        if layer not in layers:
            report.add("layer", path, 1, f"folder {layer} has no cooper_layer() in src/CMakeLists.txt")
            continue
        may_see = reach(layers, layer) | {layer}
        for number, line in enumerate(path.read_text().splitlines(), 1):
            include = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not include:
                continue
            other = include[1].split("/")[0]
            if "/" not in include[1] or other == "..":
                report.add("layer", path, number, f'include "{include[1]}" from src/ on: "layer/file.h"')
            elif other not in may_see:
                report.add("layer", path, number, f"{layer} may not include {other}")
    return report.done("layers")


if __name__ == "__main__":
    sys.exit(main())
