// Two other implementations of CEL as a filter: each line {"expr": TEXT, "input": V} gives a line
// {"bufbuild": ANSWER, "celjs": ANSWER}, an ANSWER being {"value": V} or {"error": TEXT}.
import { createInterface } from "node:readline";
import { run, celUint, isCelError, isCelList, isCelMap, isCelUint, isCelType } from "@bufbuild/cel";
import { strings } from "@bufbuild/cel/ext";
import { create } from "@bufbuild/protobuf";
import { isReflectMessage } from "@bufbuild/protobuf/reflect";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";
import { Environment } from "@marcbachmann/cel-js";
import { doubleText, durationText, timestampText } from "./values.mjs";

const NOW_SECONDS = 1764000000n;

function decode(v, asMap) {
  const [type, x] = Object.entries(v)[0];
  if (type === "list") return x.map((item) => decode(item, asMap));
  if (type === "map") {
    const pairs = x.map(([key, value]) => [decode(key, asMap), decode(value, asMap)]);
    return asMap ? new Map(pairs) : Object.fromEntries(pairs);
  }
  if (type === "int") return BigInt(x);
  if (type === "double") return Number(x);
  if (type === "null_type") return null;
  if (type === "bool") return x === "true";
  return x;
}

function encode(value) {
  if (value === null) return { null_type: "null" };
  if (typeof value === "boolean") return { bool: String(value) };
  if (typeof value === "bigint") return { int: String(value) };
  if (typeof value === "number") return { double: doubleText(value) };
  if (typeof value === "string") return { string: value };
  if (isCelUint(value)) return { uint: String(value.value) };
  if (isCelType(value)) return { type: value.name };
  if (isCelList(value)) return { list: [...value].map(encode) };
  if (isCelMap(value)) return { map: [...value.entries()].map((pair) => pair.map(encode)) };
  if (isReflectMessage(value)) {
    const { seconds, nanos } = value.message;
    return value.desc.typeName === "google.protobuf.Timestamp"
      ? { "google.protobuf.Timestamp": timestampText(seconds, nanos) }
      : { "google.protobuf.Duration": durationText(seconds, nanos) };
  }
  return encodeOther(value);
}

// What only cel-js returns.
function encodeOther(value) {
  if (value instanceof Date) return encodeDate(value);
  if (Array.isArray(value)) return { list: value.map(encode) };
  const name = value.constructor?.name;
  if (name === "UnsignedInt") return { uint: String(value.valueOf()) };
  if (name === "Duration") return { "google.protobuf.Duration": durationText(value.seconds, value.nanos) };
  if (name === "Type") return { type: value.name };
  const pairs = value instanceof Map ? [...value.entries()] : Object.entries(value);
  return { map: pairs.map(([k, v]) => [encode(k), encode(v)]) };
}

function encodeDate(date) {
  const ms = date.getTime();
  const seconds = Math.floor(ms / 1000);
  return { "google.protobuf.Timestamp": timestampText(seconds, (ms - seconds * 1000) * 1000000) };
}

function bufbuild(expr, input) {
  const now = create(TimestampSchema, { seconds: NOW_SECONDS });
  const bindings = { input: decode(input, true), confidence: 0.75, risk: "high", now };
  const value = run(expr, bindings, { funcs: strings });
  return isCelError(value) ? { error: value.message } : { value: encode(value) };
}

const environment = new Environment({ homogeneousAggregateLiterals: false })
  .registerVariable("input", "dyn")
  .registerVariable("confidence", "double")
  .registerVariable("risk", "string")
  .registerVariable("now", "google.protobuf.Timestamp");

function celjs(expr, input) {
  const now = new Date(Number(NOW_SECONDS) * 1000);
  return { value: encode(environment.evaluate(expr, { input: decode(input, false), confidence: 0.75, risk: "high", now })) };
}

function guarded(evaluate, expr, input) {
  try {
    return evaluate(expr, input);
  } catch (error) {
    return { error: String(error.message).split("\n")[0] };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const { expr, input } = JSON.parse(line);
  console.log(JSON.stringify({ bufbuild: guarded(bufbuild, expr, input), celjs: guarded(celjs, expr, input) }));
}
