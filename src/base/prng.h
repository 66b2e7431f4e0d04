/* base/prng.h - a small seeded generator for jitter and simulation. Not for keys or tokens.
 * Owns: its 64-bit state; splitmix64 (Steele, Lea, Flood 2014), for which any seed is good. */
#pragma once
#include <stdint.h>

struct prng {
    uint64_t state;
};

static inline uint64_t prng_next(struct prng *prng)
{
    uint64_t z = (prng->state += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

/* Scales 64 random bits to 0 .. below-1; 0 when below is 0. The bias is under 2^-32 for small
 * ranges. */
static inline uint64_t prng_scale(uint64_t random, uint64_t below)
{
    return (uint64_t)((__extension__(unsigned __int128) random * below) >> 64);
}

static inline uint64_t prng_below(struct prng *prng, uint64_t below)
{
    return prng_scale(prng_next(prng), below);
}
