#!/usr/bin/python3
"""openapi.py IN.yaml: prints the OpenAPI document as JSON. Refuses what YAML lets pass: a key that is there twice, a $ref to nowhere, a path
parameter that is not declared, an operationId used twice."""

import json
import re
import sys

import yaml


class Strict(yaml.SafeLoader):
    """Two authors who add the same key must notice."""

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key, _ in node.value:
            if key.tag != "tag:yaml.org,2002:merge" and key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key.value!r} is there twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def resolve(doc, ref):
    at = doc
    for step in ref.removeprefix("#/").split("/"):
        at = at[step.replace("~1", "/").replace("~0", "~")]
    return at


def refs(node):
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from refs(value)
    if isinstance(node, dict) and isinstance(node.get("$ref"), str):
        yield node["$ref"]


def faults(doc):
    for ref in sorted(set(refs(doc))):
        try:
            resolve(doc, ref)
        except (KeyError, TypeError):
            yield f"$ref to nowhere: {ref}"
    ids = set()
    for path, item in doc["paths"].items():
        for method, operation in item.items():
            if method == "parameters":
                continue
            if operation["operationId"] in ids:
                yield f"operationId used twice: {operation['operationId']}"
            ids.add(operation["operationId"])
            declared = [resolve(doc, p["$ref"]) if "$ref" in p else p for p in item.get("parameters", []) + operation.get("parameters", [])]
            names = {p["name"] for p in declared if p["in"] == "path"}
            if names != set(re.findall(r"{(\w+)}", path)):
                yield f"{method} {path}: its path parameters are declared as {sorted(names)}"


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        doc = yaml.load(f, Loader=Strict)
    found = list(faults(doc))
    for fault in found:
        print(f"{sys.argv[1]}: {fault}", file=sys.stderr)
    if found:
        sys.exit(1)
    json.dump(doc, sys.stdout, ensure_ascii=False, separators=(",", ":"))
    print()


if __name__ == "__main__":
    main()
