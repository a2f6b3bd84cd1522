// The cores of this build, and the one that suits this machine.
#pragma once

#include "core.hpp"

namespace pellucid {

#if defined(PELLUCID_X86)
namespace v2 {
extern const Core core;
}
namespace v3 {
extern const Core core;
}
namespace v4 {
extern const Core core;
}
#else
namespace generic {
extern const Core core;
}
#endif

#if defined(PELLUCID_X86)
// What suits this machine. PELLUCID_FORCE_ISA, a debugging option of the build, holds it down.
template <typename Choice>
inline Choice best_of([[maybe_unused]] Choice v2, [[maybe_unused]] Choice v3, [[maybe_unused]] Choice v4) {
#if defined(PELLUCID_FORCE_ISA)
    return PELLUCID_FORCE_ISA;
#else
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return v4;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) return v3;
    return v2;
#endif
}

inline const Core& best_core() { return *best_of(&v2::core, &v3::core, &v4::core); }
#else
inline const Core& best_core() { return generic::core; }
#endif

}  // namespace pellucid
