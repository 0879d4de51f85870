// Causal attention on one core in float32, forward and backward, with a window
// and documents.
//
// The same kernel (attention_kernel.hpp) is compiled once per instruction set;
// which of them the processor can run is found out when the program starts. It
// uses no threads: a training step runs on one thread per shard of the batch.
// The definition is adfast/attention/reference.py.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace adfast {

// What of memory [B, H, T, D] a head is; its channels are adjacent, the strides
// count floats.
template <typename Float>
struct HeadsView {
    Float* data;
    int64_t batch_stride, head_stride, time_stride;

    Float* head(int64_t batch, int64_t head) const {
        return data + batch * batch_stride + head * head_stride;
    }
};
using Heads = HeadsView<const float>;
using MutableHeads = HeadsView<float>;

// A query at t sees the keys max(t - window + 1, document_start[b][t]) .. t. The first `prefix` of
// `length` tokens have keys alone: queries, and what belongs to them, begin at the token `prefix`.
struct AttentionProblem {
    int64_t batch, heads, kv_heads, length, prefix,
        head_dim;                   // heads is a multiple of kv_heads
    int64_t window;                 // at least 1
    const int32_t* document_start;  // [B][num_queries], not decreasing, within 0 .. t; null:
                                    // one document
    float scale;

    int64_t num_queries() const { return length - prefix; }
};

struct Bfloat16 {
    uint16_t bits;  // the upper half of a float32's
};

// One step of attention in each of N environments against [N][H_kv][slots][D]; the token of step t
// lives in slot t mod slots, and no step before `start` is seen.
struct DecodeProblem {
    int64_t environments, heads, kv_heads, slots, head_dim;
    const int64_t* step;   // [N]
    const int64_t* start;  // [N], at most `step`
    float scale;
};

// One compiled form of the kernel. `scratch` is 64-byte aligned and holds
// `scratch_floats` floats.
struct AttentionKernel {
    const char* instruction_set;
    bool (*is_supported)();
    int64_t (*scratch_floats)(const AttentionProblem&);
    // Writes `out` and `lse` [B][H][num_queries], the log-sum-exp of each query's logits. False if
    // some of them are not finite; what is hidden may then be among what made them so.
    bool (*forward)(const AttentionProblem&, const Heads& q, const Heads& k, const Heads& v,
                    const MutableHeads& out, float* lse, float* scratch);
    // Writes the gradients `dq`, `dk` and `dv`.
    void (*backward)(const AttentionProblem&, const Heads& q, const Heads& k, const Heads& v,
                     const Heads& out, const float* lse, const Heads& d_out, const MutableHeads& dq,
                     const MutableHeads& dk, const MutableHeads& dv, float* scratch);
    int64_t (*decode_scratch_floats)(const DecodeProblem&);
    // Puts the new keys and values into their slots and writes `out` [N][H][D].
    void (*decode)(const DecodeProblem&, const Heads& q, const Heads& k_new, const Heads& v_new,
                   Bfloat16* keys, Bfloat16* values, float* out, float* scratch);
};

// ADFAST_HEAD_WIDTH, for tests alone, is the only width that heads are padded to: every kernel is
// then compiled once, not four times.
#ifdef ADFAST_HEAD_WIDTH
constexpr int64_t kMaxHeadDim = ADFAST_HEAD_WIDTH;
#else
constexpr int64_t kMaxHeadDim = 128;
#endif

// The kernels that this processor runs, the fastest first.
std::vector<const AttentionKernel*> attention_kernels();

}  // namespace adfast
