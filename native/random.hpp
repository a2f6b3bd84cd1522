// Random numbers as pure functions of (seed, stream, counter): Philox 4x32-10, as pellucid/streams.py states it.
//
// Contract. The same words as the Python streams, to the bit. A *group* is eight blocks, 32 words.
#pragma once

#include "simd.hpp"

namespace pellucid::PELLUCID_ISA {

enum class Purpose : std::uint32_t { initialize, shuffle, layer };

struct Stream {
    std::uint64_t seed;
    Purpose purpose;
    std::uint32_t index;
    std::uint64_t counter;
};

typedef std::uint64_t Blocks __attribute__((vector_size(64)));  // one 32-bit word of each of eight blocks

// The 64-bit products of the low halves.
inline Blocks multiply_words(Blocks a, Blocks b) {
#if defined(__AVX512F__)
    return (Blocks)_mm512_maskz_mul_epu32(0xFF, (__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
    Blocks product;
    for (int part = 0; part < 2; ++part) {
        const __m256i left = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(&a) + part);
        const __m256i right = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(&b) + part);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(&product) + part, _mm256_mul_epu32(left, right));
    }
    return product;
#else
    return (a & 0xFFFFFFFFu) * (b & 0xFFFFFFFFu);
#endif
}

// words[w][b]: word w of block `first` + b, in the low half.
inline void philox(const Stream& stream, std::uint64_t first, Blocks (&words)[4]) {
    Blocks c0, c1, c2, c3;
    for (int block = 0; block < 8; ++block) {
        c0[block] = (first + static_cast<std::uint64_t>(block)) & 0xFFFFFFFFu;
        c1[block] = stream.counter & 0xFFFFFFFFu;
        c2[block] = stream.counter >> 32;
        c3[block] = static_cast<std::uint64_t>(stream.purpose) << 24 | stream.index;
    }
    const Blocks low = Blocks{} + 0xFFFFFFFFu;
    const Blocks multiplier_0 = Blocks{} + 0xD2511F53u, multiplier_1 = Blocks{} + 0xCD9E8D57u;
    std::uint32_t k0 = static_cast<std::uint32_t>(stream.seed), k1 = static_cast<std::uint32_t>(stream.seed >> 32);
    for (int round = 0; round < 10; ++round) {
        const Blocks product_0 = multiply_words(c0, multiplier_0), product_1 = multiply_words(c2, multiplier_1);
        c0 = (product_1 >> 32) ^ c1 ^ static_cast<std::uint64_t>(k0);
        c1 = product_1 & low;
        c2 = (product_0 >> 32) ^ c3 ^ static_cast<std::uint64_t>(k1);
        c3 = product_0 & low;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    words[0] = c0;
    words[1] = c1;
    words[2] = c2;
    words[3] = c3;
}

// 32 bits: bit 4·b + w says whether word w of block `first` + b is at least `threshold`.
inline std::uint32_t words_at_least(const Stream& stream, std::uint64_t first, std::uint64_t threshold) {
    Blocks words[4], place, bits = {};
    philox(stream, first, words);
    for (int block = 0; block < 8; ++block) place[block] = std::uint64_t{1} << (4 * block);
    for (int w = 0; w < 4; ++w) {
        bits |= (Blocks)(words[w] >= Blocks{} + threshold) & place;
        place += place;
    }
    std::uint64_t all = 0;
    for (int block = 0; block < 8; ++block) all |= bits[block];
    return static_cast<std::uint32_t>(all);
}

// The stable sorting order of `count` words of a stream: Stream.permutation. `order` has 2·count places, `keys`
// 2·count; the answer is in the first half of `order`. Three passes of a radix sort, 11 bits each.
inline void permutation(const Stream& stream, Index count, std::uint32_t* order, std::uint32_t* keys) {
    for (Index start = 0; start < count; start += 32) {
        Blocks words[4];
        philox(stream, static_cast<std::uint64_t>(start / 4), words);
        const Index end = smaller_of(count - start, 32);
        for (Index i = 0; i < end; ++i) keys[start + i] = static_cast<std::uint32_t>(words[i % 4][i / 4]);
    }
    for (Index i = 0; i < count; ++i) order[count + i] = static_cast<std::uint32_t>(i);
    constexpr int bits = 11, passes = 3;
    constexpr std::uint32_t mask = (1u << bits) - 1;
    std::uint32_t *from_keys = keys, *to_keys = keys + count, *from = order + count, *to = order;
    for (int pass = 0; pass < passes; ++pass) {
        std::uint32_t places[1u << bits] = {};
        const int shift = bits * pass;
        for (Index i = 0; i < count; ++i) ++places[from_keys[i] >> shift & mask];
        std::uint32_t before = 0;
        for (std::uint32_t& place : places) {
            const std::uint32_t here = place;
            place = before;
            before += here;
        }
        for (Index i = 0; i < count; ++i) {
            const std::uint32_t place = places[from_keys[i] >> shift & mask]++;
            to_keys[place] = from_keys[i];
            to[place] = from[i];
        }
        std::uint32_t* swapped = from_keys;
        from_keys = to_keys, to_keys = swapped;
        swapped = from;
        from = to, to = swapped;
    }  // an odd number of passes ends in the first half
}

}  // namespace pellucid::PELLUCID_ISA
