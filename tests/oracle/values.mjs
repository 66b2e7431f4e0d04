// Values by name of type, as tests/oracle/expr_eval.c writes them, to and from two other
// implementations of CEL: {"int":"5"}, {"double":"0.5"}, {"list":[V…]}, {"map":[[V,V]…]} …

// Shortest digits, as ECMAScript has them; "-0" told apart.
export const doubleText = (d) => (Object.is(d, -0) ? "-0" : String(d));

const trimNanos = (nanos) => (nanos === 0 ? "" : "." + String(nanos).padStart(9, "0").replace(/0+$/, ""));

export function timestampText(seconds, nanos) {
  const iso = new Date(Number(seconds) * 1000).toISOString();
  return iso.slice(0, 19) + trimNanos(nanos) + "Z";
}

export function durationText(seconds, nanos) {
  const total = BigInt(seconds) * 1000000000n + BigInt(nanos);
  const size = total < 0n ? -total : total;
  return (total < 0n ? "-" : "") + size / 1000000000n + trimNanos(Number(size % 1000000000n)) + "s";
}
