"""A Cortex-M4 in qemu: programs compiled for it, run with semihosting, and the sizes of their parts.

The board is qemu's `mps2-an386`: memory at 0 and at 0x20000000. What a vendor's start-up code does stands below: a
table of vectors, the floating-point unit switched on, `main` called, and its answer passed to the host.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

CORE = ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"]

_START = """
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

extern uint32_t stack_top, data_load, data_begin, data_end, bss_begin, bss_end;
extern int main(void);
extern void initialise_monitor_handles(void);

void start(void)
{
    *(volatile uint32_t *)0xE000ED88 |= 0xFu << 20; /* the floating-point unit */
    memcpy(&data_begin, &data_load, (size_t)((char *)&data_end - (char *)&data_begin));
    memset(&bss_begin, 0, (size_t)((char *)&bss_end - (char *)&bss_begin));
    initialise_monitor_handles();
    exit(main());
}

void _fini(void)
{
}

static void fault(void)
{
    for (;;) {
    }
}

__attribute__((section(".vectors"), used)) static void *const vectors[] = {&stack_top, start, fault, fault};
"""

_MAP = """
MEMORY { FLASH (rx) : ORIGIN = 0, LENGTH = 4M  RAM (rwx) : ORIGIN = 0x20000000, LENGTH = 4M }
SECTIONS
{
    .text : { KEEP(*(.vectors)) *(.text*) *(.rodata*) *(.ARM.*) . = ALIGN(4); data_load = .; } > FLASH
    .data : AT(data_load) { data_begin = .; *(.data*) . = ALIGN(4); data_end = .; } > RAM
    .bss : { bss_begin = .; *(.bss*) *(COMMON) . = ALIGN(4); bss_end = .; end = .; _end = .; } > RAM
    stack_top = ORIGIN(RAM) + LENGTH(RAM);
}
"""


class Sizes(NamedTuple):
    """Bytes of a model's own object file."""

    code: int
    constants: int
    memory: int


def run_on_cortex_m4(sources: list[Path], folder: Path, *flags: str) -> str:
    """Compile a program with its `main`, run it, and answer what it printed; it must end with 0."""
    (folder / "start.c").write_text(_START)
    (folder / "memory.ld").write_text(_MAP)
    program = folder / "program.elf"
    files = [str(folder / "start.c"), *map(str, sources)]
    link = ["-nostartfiles", "--specs=rdimon.specs", "-T", str(folder / "memory.ld"), "-lm"]
    subprocess.run(
        ["arm-none-eabi-gcc", *CORE, "-std=c99", *(flags or ("-O2",)), *files, *link, "-o", str(program)], check=True
    )
    machine = ["qemu-system-arm", "-M", "mps2-an386", "-nographic", "-monitor", "none", "-serial", "null"]
    semihosting = ["-semihosting-config", "enable=on,target=native", "-kernel", str(program)]
    done = subprocess.run([*machine, *semihosting], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def sizes_on_cortex_m4(source: Path, *flags: str) -> Sizes:
    """Compile a model and answer the sizes of its parts."""
    target = source.with_suffix(".arm.o")
    strict = ["-Wall", "-Wextra", "-pedantic", "-Werror", "-std=c99"]
    subprocess.run(
        ["arm-none-eabi-gcc", *CORE, *strict, *(flags or ("-O2",)), "-c", str(source), "-o", str(target)], check=True
    )
    listed = subprocess.check_output(["arm-none-eabi-size", "-A", str(target)], text=True)
    sections = {name: int(size) for name, size in re.findall(r"^(\.\S+)\s+(\d+)", listed, re.M)}

    def total(*names: str) -> int:
        return sum(size for section, size in sections.items() if section.startswith(names))

    return Sizes(total(".text"), total(".rodata", ".data"), total(".bss"))
