"""docs/openapi.json by itself: OpenAPI 3.1 as far as can be told without a network."""
import json, re

import jsonschema

from interlock_client import ROOT

FILE = json.loads((ROOT / "docs" / "openapi.json").read_text())
METHODS = ("get", "post", "put", "delete", "patch", "head", "options", "trace")

# The objects of OpenAPI 3.1 that the file uses, with all their members (spec.openapis.org/oas/v3.1.0).
SHAPE = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["openapi", "info", "paths"],
    "additionalProperties": False,
    "properties": {
        "openapi": {"pattern": r"^3\.1\.[0-9]+$"},
        "info": {
            "type": "object", "required": ["title", "version"], "additionalProperties": False,
            "properties": {"title": {"type": "string"}, "summary": {"type": "string"}, "version": {"type": "string"},
                           "description": {"type": "string"},
                           "license": {"type": "object", "required": ["name"], "additionalProperties": False,
                                       "properties": {"name": {"type": "string"}, "identifier": {"type": "string"}}}}},
        "security": {"$ref": "#/$defs/security"},
        "tags": {"type": "array", "items": {"type": "object", "required": ["name"], "additionalProperties": False,
                                            "properties": {"name": {"type": "string"}, "description": {"type": "string"}}}},
        "paths": {"type": "object", "patternProperties": {"^/": {"$ref": "#/$defs/path"}}, "additionalProperties": False},
        "components": {
            "type": "object", "additionalProperties": False,
            "properties": {"schemas": {"type": "object", "additionalProperties": {"type": ["object", "boolean"]}},
                           "headers": {"type": "object", "additionalProperties": {"$ref": "#/$defs/header"}},
                           "responses": {"type": "object", "additionalProperties": {"$ref": "#/$defs/response"}},
                           "securitySchemes": {"type": "object", "additionalProperties": {
                               "type": "object", "required": ["type", "scheme"], "additionalProperties": False,
                               "properties": {"type": {"const": "http"}, "scheme": {"type": "string"},
                                              "description": {"type": "string"}}}}}},
    },
    "$defs": {
        "security": {"type": "array", "items": {"type": "object", "additionalProperties": {"type": "array"}}},
        "reference": {"type": "object", "required": ["$ref"], "properties": {"$ref": {"type": "string"}}},
        "parameters": {"type": "array", "items": {
            "type": "object", "required": ["name", "in", "schema"], "additionalProperties": False,
            "properties": {"name": {"type": "string"}, "in": {"enum": ["path", "query", "header"]},
                           "required": {"type": "boolean"}, "description": {"type": "string"},
                           "schema": {"type": "object"}},
            "if": {"properties": {"in": {"const": "path"}}}, "then": {"required": ["required"]}}},
        "content": {"type": "object", "minProperties": 1, "additionalProperties": {
            "type": "object", "required": ["schema"], "additionalProperties": False,
            "properties": {"schema": {"type": ["object", "boolean"]}}}},
        "header": {"type": "object", "additionalProperties": False,
                   "properties": {"description": {"type": "string"}, "schema": {"type": "object"}}},
        "response": {"type": "object", "required": ["description"], "additionalProperties": False,
                     "properties": {"description": {"type": "string"}, "content": {"$ref": "#/$defs/content"},
                                    "headers": {"type": "object", "additionalProperties": {
                                        "oneOf": [{"$ref": "#/$defs/reference"}, {"$ref": "#/$defs/header"}]}}}},
        "operation": {
            "type": "object", "required": ["operationId", "responses", "summary"], "additionalProperties": False,
            "properties": {"operationId": {"pattern": "^[a-z][A-Za-z]*$"}, "summary": {"type": "string"},
                           "description": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}},
                           "parameters": {"$ref": "#/$defs/parameters"}, "security": {"$ref": "#/$defs/security"},
                           "requestBody": {"type": "object", "required": ["content"], "additionalProperties": False,
                                           "properties": {"content": {"$ref": "#/$defs/content"},
                                                          "required": {"type": "boolean"}}},
                           "responses": {"type": "object", "minProperties": 1, "additionalProperties": False,
                                         "patternProperties": {"^[1-5][0-9][0-9]$": {
                                             "oneOf": [{"$ref": "#/$defs/reference"}, {"$ref": "#/$defs/response"}]}}}}},
        "path": {"type": "object", "additionalProperties": False,
                 "properties": dict({m: {"$ref": "#/$defs/operation"} for m in METHODS},
                                    parameters={"$ref": "#/$defs/parameters"})},
    },
}


def operations():
    for path, item in FILE["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, item, item[method]


def walk(value):
    yield value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from walk(child)


def test_it_has_the_shape_of_openapi_3_1():
    jsonschema.Draft202012Validator.check_schema(SHAPE)
    jsonschema.Draft202012Validator(SHAPE).validate(FILE)


def test_each_schema_is_a_schema():
    for schema in FILE["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    for value in walk(FILE["paths"]):
        if isinstance(value, dict) and "schema" in value and "type" not in value:
            jsonschema.Draft202012Validator.check_schema(value["schema"])


def test_each_reference_leads_somewhere_and_each_component_is_used():
    resolver = jsonschema.RefResolver.from_schema(FILE)
    used = {v["$ref"] for v in walk(FILE) if isinstance(v, dict) and "$ref" in v}
    for ref in used:
        resolver.resolve(ref)
    for kind in ("schemas", "headers", "responses"):
        for name in FILE["components"][kind]:
            assert "#/components/%s/%s" % (kind, name) in used, "%s %s is not used" % (kind, name)


def test_operations_are_named_once_and_declare_their_path_parameters():
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert len(ids) == len(set(ids))
    tags = {tag["name"] for tag in FILE["tags"]}
    for path, item, operation in operations():
        declared = [p["name"] for p in item.get("parameters", []) + operation.get("parameters", []) if p["in"] == "path"]
        assert sorted(declared) == sorted(re.findall(r"{([^}]*)}", path)), path
        assert set(operation["tags"]) <= tags, path


def test_each_operation_says_what_happens_without_a_token():
    for path, _, operation in operations():
        assert operation.get("security") == [] or "401" in operation["responses"], path


def test_the_page_names_each_code():
    page = (ROOT / "docs" / "api.md").read_text().split("## Refusals")[1]
    codes = set(re.findall(r'X\(TROUBLE_[A-Z_]+, [0-9]+, "([a-z-]+)"', (ROOT / "src" / "api" / "reply.h").read_text()))
    assert len(codes) >= 25
    assert not [code for code in codes if not re.search(r"\b%s\b" % code, page)]
