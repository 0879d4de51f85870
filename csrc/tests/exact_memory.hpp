// Memory of the stress programs, in which a sanitizer sees every access beyond what was asked for.
#pragma once

#include <cstdint>
#include <memory>
#include <new>
#include <random>

// Exactly as many floats as asked for, each allocation apart.
struct Memory {
    explicit Memory(int64_t size) : floats(new float[size]), size(size) {}
    Memory(int64_t size, std::mt19937& random) : Memory(size) { fill(random); }
    void fill(std::mt19937& random) {
        std::normal_distribution<float> normal;
        for (int64_t i = 0; i < size; ++i) floats[i] = normal(random);
    }
    float* data() const { return floats.get(); }
    std::unique_ptr<float[]> floats;
    int64_t size;
};

struct AlignedMemory {
    explicit AlignedMemory(int64_t size)
        : floats(static_cast<float*>(::operator new(size * sizeof(float), std::align_val_t{64}))) {}
    ~AlignedMemory() { ::operator delete(floats, std::align_val_t{64}); }
    AlignedMemory(const AlignedMemory&) = delete;
    AlignedMemory& operator=(const AlignedMemory&) = delete;
    float* floats;
};
