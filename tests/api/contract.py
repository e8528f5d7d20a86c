"""The OpenAPI document as a judge: every reply that an API test sees is held against it. A status, a media type, a member or a type that the document
does not tell of is an error. Streams and files are looked at as far as their media type."""

import functools
import json
import os
import re

import jsonschema

PATH = os.path.join(os.environ.get("EA_APP", ""), "share", "edtech-assistant", "openapi.json")
FORMATS = jsonschema.FormatChecker()
ANYTHING = {}


def document():
    """As it is published."""
    with open(PATH, encoding="utf-8") as f:
        return json.load(f)


@functools.cache
def linked():
    """The document with what it refers to in place of each reference: to look references up anew for each reply would take longer than all else."""
    whole = document()

    def target(node):
        at = whole
        for step in node["$ref"].removeprefix("#/").split("/"):
            at = at[step.replace("~1", "/").replace("~0", "~")]
        at = target(at) if "$ref" in at else at
        beside = {name: value for name, value in node.items() if name != "$ref"}
        return {"allOf": [at]} | beside if beside else at

    def link(node):
        for key, inner in node.items() if isinstance(node, dict) else enumerate(node):
            if isinstance(inner, dict) and "$ref" in inner:
                node[key] = target(inner)  # which is linked where it stands
            elif isinstance(inner, (dict, list)):
                link(inner)

    link(whole)
    return whole


def parameters(item, operation):
    return item.get("parameters", []) + operation.get("parameters", [])


@functools.cache
def patterns():
    """The paths as regular expressions; those without braces first."""
    paths = sorted(linked()["paths"], key=lambda p: p.count("{"))
    return [(re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(p))), p) for p in paths]


def operation_of(method, path):
    item = next((linked()["paths"][p] for regex, p in patterns() if regex.fullmatch(path)), {})
    return item.get("get" if method == "HEAD" else method.lower())


def of_each_schema(function):
    """Remembers what it said of a schema, which is one of the document or made of such, and stays."""
    said = {}

    def once(schema):
        if id(schema) not in said:
            said[id(schema)] = schema, function(schema)
        return said[id(schema)][1]

    return once


def parts(schema):
    return schema.get("allOf", []) + schema.get("oneOf", []) + schema.get("anyOf", [])


@of_each_schema
def members(schema):
    """What an object of this schema may hold: {name: schema}, or None when it may hold anything."""
    found = dict(schema.get("properties", {}))
    for part in parts(schema):
        for name, inner in (members(part) or {}).items():
            found[name] = {"allOf": [found[name], inner]} if name in found else inner
    return found or None


@of_each_schema
def items(schema):
    found = [schema["items"]] if "items" in schema else []
    found += [inner for part in parts(schema) if (inner := items(part))]
    return {"allOf": found} if found else None


def untold(schema, value, at=""):
    """Pointers of members that the document does not tell of."""
    if isinstance(value, dict) and (known := members(schema)) and "additionalProperties" not in schema:
        for name, inner in value.items():
            if name in known:
                yield from untold(known[name], inner, f"{at}/{name}")
            else:
                yield f"{at}/{name}"
    elif isinstance(value, list) and (inner := items(schema)):
        for i, item in enumerate(value):
            yield from untold(inner, item, f"{at}/{i}")


@of_each_schema
def validator(schema):
    return jsonschema.Draft202012Validator(schema, format_checker=FORMATS)


def judge(schema, value):
    faults = [f"/{'/'.join(map(str, e.absolute_path))}: {e.message[:300]}" for e in validator(schema).iter_errors(value)]
    return faults + [f"{pointer}: not in the contract" for pointer in untold(schema, value)]


def check(response):
    """Raises when the reply is not as the document says. Paths that are in no contract are not ours to judge."""
    request = response.request
    operation = operation_of(request.method, request.url.path)
    if operation is None:
        return
    where = f"{request.method} {request.url.path} answered {response.status_code}"
    told = operation["responses"]
    key = str(response.status_code)
    if key not in told and response.status_code < 400:
        raise AssertionError(f"{where}, which its contract does not tell of")
    content = (told.get(key) or told["default"]).get("content", {})
    if response.status_code in (204, 304) or request.method == "HEAD":
        return
    media = response.headers.get("content-type", "").split(";")[0]
    if media not in content and "*/*" not in content:
        raise AssertionError(f"{where} with {media or 'no content'} instead of {' or '.join(content) or 'no content'}")
    if media == "application/json" or media.endswith("+json"):
        faults = judge(content[media].get("schema", ANYTHING), response.json())
        if faults:
            raise AssertionError(f"{where}, against its contract: " + "; ".join(faults[:10]))
