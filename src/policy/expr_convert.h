/* policy/expr_convert.h - functions that turn a value into another type, measure it, or read a
 * date.
 * Owns: CEL's conversions. Each either gives an exact answer or is a fault; only double -> int
 *   cuts the fraction and int -> double may round, as the specification says.
 * Invariants: as expr_function.h. */
#pragma once
#include "policy/expr_function.h"

expr_call_fn expr_convert_bool, expr_convert_int, expr_convert_uint, expr_convert_double;
expr_call_fn expr_convert_string, expr_convert_timestamp, expr_convert_duration;
expr_call_fn expr_convert_type, expr_convert_dyn, expr_convert_size;
/* getFullYear …: of a timestamp, with an optional zone; getHours … also of a duration. */
expr_call_fn expr_convert_part;
