"""Keeps a GPU busy for a while with nothing but the driver: ``python -m tests.gpu.load SECONDS BYTES``.

The kernel is PTX, which the driver compiles. Prints ``busy`` once it runs. Source: CUDA Driver API.
"""

import ctypes
import sys
import time

PTX = b"""
.version 6.4
.target sm_75
.address_size 64
.visible .entry spin(.param .u64 out, .param .u32 rounds)
{
    .reg .pred %p1;
    .reg .f32 %f1;
    .reg .b32 %r<7>;
    .reg .b64 %rd<4>;
    ld.param.u64 %rd1, [out];
    ld.param.u32 %r1, [rounds];
    mov.u32 %r2, %tid.x;
    mov.u32 %r3, %ctaid.x;
    mov.u32 %r4, %ntid.x;
    mad.lo.u32 %r5, %r3, %r4, %r2;
    cvt.rn.f32.u32 %f1, %r5;
    mov.u32 %r6, 0;
again:
    fma.rn.f32 %f1, %f1, 0f3F7FFFFF, 0f3F000000;
    add.u32 %r6, %r6, 1;
    setp.lt.u32 %p1, %r6, %r1;
    @%p1 bra again;
    mul.wide.u32 %rd2, %r5, 4;
    add.u64 %rd3, %rd1, %rd2;
    st.global.f32 [%rd3], %f1;
    ret;
}
"""
BLOCKS, THREADS, ROUNDS = 2048, 256, 1_000_000


class Cuda:
    """The driver's library; every call that fails ends the program with its name."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL("libcuda.so.1")

    def call(self, name: str, *arguments: object) -> None:
        code = getattr(self._library, name)(*arguments)
        if code:
            sys.exit(f"{name}: CUDA error {code}")


def main() -> None:
    seconds, size = float(sys.argv[1]), int(sys.argv[2])
    cuda = Cuda()
    device, context = ctypes.c_int(), ctypes.c_void_p()
    module, function, memory = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_uint64()
    cuda.call("cuInit", 0)
    cuda.call("cuDeviceGet", ctypes.byref(device), 0)
    cuda.call("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
    cuda.call("cuCtxSetCurrent", context)
    cuda.call("cuModuleLoadData", ctypes.byref(module), PTX)
    cuda.call("cuModuleGetFunction", ctypes.byref(function), module, b"spin")
    cuda.call("cuMemAlloc_v2", ctypes.byref(memory), ctypes.c_size_t(size))
    rounds = ctypes.c_uint32(ROUNDS)
    parameters = (ctypes.c_void_p * 2)(
        *(ctypes.cast(ctypes.pointer(each), ctypes.c_void_p) for each in (memory, rounds))
    )
    end = time.monotonic() + seconds
    launch = (function, BLOCKS, 1, 1, THREADS, 1, 1, 0, None, parameters, None)
    cuda.call("cuLaunchKernel", *launch)
    cuda.call("cuCtxSynchronize")
    print("busy", flush=True)
    while time.monotonic() < end:
        cuda.call("cuLaunchKernel", *launch)
        cuda.call("cuCtxSynchronize")


if __name__ == "__main__":
    main()
