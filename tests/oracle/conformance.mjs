// The conformance cases of the CEL specification (from the package @bufbuild/cel-spec) that lie within
// our subset in form, one a line: {"name", "expr", "value": V} or {"name", "expr", "error": true}.
// Left out: cases that need variables, messages, protocol buffer types or bytes; how many is told last.
import { getConformanceSuite } from "@bufbuild/cel-spec/testdata/tests.js";
import { getTestRegistry } from "@bufbuild/cel-spec/testdata/registry.js";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { doubleText, durationText, timestampText } from "./values.mjs";

const registry = getTestRegistry();

class Foreign extends Error {}

function encodeObject(any) {
  const message = anyUnpack(any, registry);
  if (message?.$typeName === "google.protobuf.Timestamp")
    return { "google.protobuf.Timestamp": timestampText(message.seconds, message.nanos) };
  if (message?.$typeName === "google.protobuf.Duration")
    return { "google.protobuf.Duration": durationText(message.seconds, message.nanos) };
  throw new Foreign("a message");
}

function encode({ kind }) {
  switch (kind.case) {
    case "nullValue": return { null_type: "null" };
    case "boolValue": return { bool: String(kind.value) };
    case "int64Value": return { int: String(kind.value) };
    case "uint64Value": return { uint: String(kind.value) };
    case "doubleValue": return { double: doubleText(kind.value) };
    case "stringValue": return { string: kind.value };
    case "typeValue": return { type: kind.value };
    case "listValue": return { list: kind.value.values.map(encode) };
    case "mapValue": return { map: kind.value.entries.map((e) => [encode(e.key), encode(e.value)]) };
    case "objectValue": return encodeObject(kind.value);
    default: throw new Foreign(kind.case);
  }
}

function answer(test) {
  switch (test.resultMatcher.case) {
    case "value": return { value: encode(test.resultMatcher.value) };
    case "typedResult": return { value: encode(test.resultMatcher.value.result) };
    case "evalError":
    case "anyEvalErrors": return { error: true };
    case undefined: return { value: { bool: "true" } };
    default: throw new Foreign(test.resultMatcher.case);
  }
}

let foreign = 0;

function tell(path, test) {
  try {
    if (Object.keys(test.bindings).length > 0 || test.checkOnly) throw new Foreign("variables");
    const line = { name: [...path, test.name].join("/"), expr: test.expr, ...answer(test) };
    console.log(JSON.stringify(line));
  } catch (error) {
    if (!(error instanceof Foreign)) throw error;
    foreign++;
  }
}

function walk(path, suite) {
  for (const part of suite.suites ?? []) walk([...path, part.name], part);
  for (const test of suite.tests ?? []) tell(path, test.original ?? test);
}

walk([], getConformanceSuite());
console.log(JSON.stringify({ foreign }));
