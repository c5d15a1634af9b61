/* SPDX-License-Identifier: MIT
 *
 * runtime_on_cpu.cpp - runtime.h for the tests: the device is the processor.
 *
 * Device memory is mapped without access; only while a kernel runs or a copy is made it can be read and
 * written.  So code of the host that follows a pointer into it crashes here, as it would with a GPU.
 * A block ends where a page begins that never can be touched.  Kernels take the host's memory as well.
 * Host memory for staging is read when a copy is done, other memory when it is asked for.
 */
extern "C" {
#include "core/error.h"
}

#include "backend/cuda/runtime.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "cuda_on_cpu.h"

namespace {

struct mapping {
    unsigned char *block, *begin;
    size_t open, all; /* bytes from begin: those that open, and with the page behind */
    size_t used;      /* of the block */
};

std::vector<mapping> mappings;
void *workspace;
size_t limit = (size_t)1 << 40, taken; /* bytes of blocks */
size_t uploaded;
std::vector<std::pair<const char *, const char *>> staging; /* host memory that is read late */
std::vector<std::function<void()>> waiting, recorded[SC_DEVICE_KEYS], *recording_to;
bool late, recording;
char failure[200];
bool no_memory; // is what failed

void protect(int how)
{
    for (const mapping &m : mappings) {
        if (mprotect(m.begin, m.open, how) != 0) {
            perror("cuda_on_cpu: mprotect");
            abort();
        }
    }
}

size_t whole(size_t bytes)
{
    return (bytes + SC_CUDA_GRANULE - 1) / SC_CUDA_GRANULE * SC_CUDA_GRANULE;
}

void *map(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), used = whole(bytes);
    size_t open = (used + page - 1) / page * page;
    void *begin = mmap(nullptr, open + page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (begin == MAP_FAILED)
        return nullptr;
    unsigned char *block = static_cast<unsigned char *>(begin) + (open - used);
    mappings.push_back({block, static_cast<unsigned char *>(begin), open, open + page, used});
    return block;
}

/* What must not happen in a step that is recorded: it would not be played again. */
void not_recorded(const char *what)
{
    if (recording)
        sc_cuda_fail(what, "not while a step is recorded");
}

void copy(void *to, const void *from, size_t bytes)
{
    cuda_on_cpu_open_memory();
    if (bytes > 0)
        memcpy(to, from, bytes);
    cuda_on_cpu_close_memory();
}

void finish(void)
{
    std::vector<std::function<void()>> work;
    work.swap(waiting);
    for (const auto &one : work)
        one();
}

} // namespace

void cuda_on_cpu_queue(std::function<void()> work)
{
    if (recording_to != nullptr)
        recording_to->push_back(work);
    else if (late)
        waiting.push_back(work);
    else
        work();
}

void cuda_on_cpu_open_memory(void)
{
    protect(PROT_READ | PROT_WRITE);
}

void cuda_on_cpu_close_memory(void)
{
    protect(PROT_NONE);
}

extern "C" void cuda_on_cpu_limit(size_t bytes)
{
    limit = bytes;
}

extern "C" void cuda_on_cpu_full(bool yes)
{
    no_memory = false;
    failure[0] = 0;
    if (yes)
        sc_cuda_fail_memory("convolution", "no memory for its kernel");
}

extern "C" size_t cuda_on_cpu_taken(void)
{
    return taken;
}

extern "C" void cuda_on_cpu_late(bool yes)
{
    finish();
    late = yes;
}

extern "C" size_t cuda_on_cpu_uploaded(void)
{
    return uploaded;
}

void *sc_cuda_stream(void)
{
    return nullptr;
}

/* Few: grids are cut by it, and threads are slow here. */
int sc_cuda_processors(void)
{
    return 2;
}

/* Filled with NaN: nothing may be read that has not been written. */
void *sc_cuda_workspace(void)
{
    if (workspace == nullptr) {
        workspace = map(SC_CUDA_WORKSPACE);
        cuda_on_cpu_open_memory();
        memset(workspace, 0xff, SC_CUDA_WORKSPACE);
        cuda_on_cpu_close_memory();
    }
    return workspace;
}

void sc_cuda_check(const char *)
{
}

void sc_cuda_fail(const char *what, const char *why)
{
    if (failure[0] == 0)
        snprintf(failure, sizeof failure, "%s: %s", what, why);
}

void sc_cuda_fail_memory(const char *what, const char *why)
{
    no_memory |= failure[0] == 0;
    sc_cuda_fail(what, why);
}

void *sc_cuda_alloc(size_t bytes, simclr_error *err)
{
    void *block = whole(bytes) <= sc_cuda_free_bytes() ? map(bytes > 0 ? bytes : 1) : nullptr;

    not_recorded("alloc");
    if (block == nullptr)
        sc_fail(err, SIMCLR_E_MEMORY, "cuda_on_cpu: no memory for %zu bytes", bytes);
    else
        taken += mappings.back().used;
    return block;
}

void sc_cuda_free(void *block)
{
    not_recorded("free");
    finish();
    for (size_t i = 0; i < mappings.size(); i++) {
        if (mappings[i].block == block) {
            taken -= mappings[i].used;
            munmap(mappings[i].begin, mappings[i].all);
            mappings.erase(mappings.begin() + (long)i);
            return;
        }
    }
    if (block != nullptr)
        sc_cuda_fail("free", "no block of the device's memory");
}

size_t sc_cuda_free_bytes(void)
{
    return limit > taken ? limit - taken : 0;
}

void *sc_cuda_host_alloc(size_t bytes, simclr_error *err)
{
    void *block = nullptr;

    if (posix_memalign(&block, 64, bytes > 0 ? bytes : 1) != 0) {
        sc_fail(err, SIMCLR_E_MEMORY, "cuda_on_cpu: no memory for %zu bytes", bytes);
        return nullptr;
    }
    const char *begin = static_cast<const char *>(memset(block, 0, bytes));
    staging.push_back({begin, begin + bytes});
    return block;
}

void sc_cuda_host_free(void *block)
{
    for (size_t i = 0; i < staging.size(); i++) {
        if (staging[i].first == block)
            staging.erase(staging.begin() + (long)i);
    }
    free(block);
}

void sc_cuda_upload(void *to, const void *from, size_t bytes)
{
    not_recorded("upload");
    uploaded += bytes;
    const char *begin = static_cast<const char *>(from);
    for (const auto &block : staging) {
        if (begin >= block.first && begin < block.second) {
            cuda_on_cpu_queue([=] { copy(to, from, bytes); });
            return;
        }
    }
    std::vector<char> own(begin, begin + bytes);
    cuda_on_cpu_queue([=] { copy(to, own.data(), bytes); });
}

void sc_cuda_download(void *to, const void *from, size_t bytes)
{
    not_recorded("download");
    finish();
    copy(to, from, bytes);
}

void sc_cuda_zero(void *to, size_t bytes)
{
    cuda_on_cpu_queue([=] {
        cuda_on_cpu_open_memory();
        memset(to, 0, bytes);
        cuda_on_cpu_close_memory();
    });
}

void sc_cuda_copy(void *to, const void *from, size_t bytes)
{
    cuda_on_cpu_queue([=] { copy(to, from, bytes); });
}

int sc_cuda_wait(simclr_error *err)
{
    not_recorded("wait");
    finish();
    int code = no_memory ? SIMCLR_E_MEMORY : SIMCLR_E_DEVICE;
    return failure[0] != 0 ? sc_fail(err, code, "%s", failure) : 0;
}

void sc_cuda_play(size_t key, void (*record)(void *context), void *context)
{
    if (key >= SC_DEVICE_KEYS || recording) {
        sc_cuda_fail("play", "a key too large, or a recording within another");
        return;
    }
    if (recorded[key].empty()) {
        recording = true;
        recording_to = &recorded[key];
        record(context);
        recording_to = nullptr;
        recording = false;
    }
    for (const auto &one : recorded[key])
        cuda_on_cpu_queue(one);
}

void sc_cuda_forget(void)
{
    finish();
    for (auto &one : recorded)
        one.clear();
}
