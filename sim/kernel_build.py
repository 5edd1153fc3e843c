"""What the compiled loops of the LLVM engine are written with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from llvmlite import binding, ir

# A line is eight words, 512 samples of one net: a cache line, and a register of AVX-512.
LINE_WORDS = 8
LINE_BYTES = 64

I8 = ir.IntType(8)
I16 = ir.IntType(16)
I32 = ir.IntType(32)
I64 = ir.IntType(64)
PTR = ir.PointerType()
LINE = ir.VectorType(I64, LINE_WORDS)
ONES = ir.Constant(LINE, [-1] * LINE_WORDS)
ZEROS = ir.Constant(LINE, None)


class Function:
    """A function under construction, which returns nothing.

    Attributes
    ----------
    build
        The IR builder, at the end of what is written so far.
    args
        The parameters.
    """

    def __init__(self, module: ir.Module, name: str, args: list[ir.Type]) -> None:
        self.function = ir.Function(module, ir.FunctionType(ir.VoidType(), args), name)
        self.args = self.function.args
        self.build = ir.IRBuilder(self.function.append_basic_block())

    @contextmanager
    def loop(self, start: ir.Value, stop: ir.Value, step: int = 1) -> Iterator[ir.Value]:
        """Write a loop's body; yields the counter. It runs not at all for `start >= stop`."""
        before = self.build.block
        head, body, after = (self.function.append_basic_block() for _ in range(3))
        self.build.branch(head)
        self.build.position_at_end(head)
        counter = self.build.phi(I64)
        counter.add_incoming(start, before)
        self.build.cbranch(self.build.icmp_signed("<", counter, stop), body, after)
        self.build.position_at_end(body)
        yield counter
        counter.add_incoming(self.build.add(counter, i64(step)), self.build.block)
        self.build.branch(head)
        self.build.position_at_end(after)

    @contextmanager
    def repeat(self) -> Iterator[Callable[[ir.Value], None]]:
        """Write an endless loop's body; yields what writes its end under a condition."""
        body, after = (self.function.append_basic_block() for _ in range(2))
        self.build.branch(body)
        self.build.position_at_end(body)

        def stop_if(condition: ir.Value) -> None:
            go_on = self.function.append_basic_block()
            self.build.cbranch(condition, after, go_on)
            self.build.position_at_end(go_on)

        yield stop_if
        self.build.branch(body)
        self.build.position_at_end(after)

    def variable(self) -> ir.Value:
        """Return the address of a new `int64`, which is 0."""
        with self.build.goto_entry_block():
            place = self.build.alloca(I64)
            self.build.store(i64(0), place)
        return place

    def load(self, base: ir.Value, index: ir.Value, kind: ir.Type) -> ir.Value:
        """Return `base[index]`; an `int32` or `uint16` is widened."""
        address = self.build.gep(base, [index], source_etype=kind)
        found = self.build.load(address, typ=kind, align=_ALIGN.get(kind, 8))
        if kind is I16:
            return self.build.zext(found, I64)
        return self.build.sext(found, I64) if kind is I32 else found

    def store(self, value: ir.Value, base: ir.Value, index: ir.Value) -> None:
        """Write `base[index]`."""
        address = self.build.gep(base, [index], source_etype=value.type)
        self.build.store(value, address, align=_ALIGN.get(value.type, 8))

    def splat(self, word: ir.Value) -> ir.Value:
        """Return a line of eight times `word`."""
        first = self.build.insert_element(
            ir.Constant(LINE, ir.Undefined), word, ir.Constant(I32, 0)
        )
        lanes = ir.Constant(ir.VectorType(I32, LINE_WORDS), None)
        return self.build.shuffle_vector(first, first, lanes)

    def finish(self) -> ir.Function:
        """Write the return."""
        self.build.ret_void()
        return self.function


_ALIGN = {LINE: LINE_BYTES, I32: 4, I16: 2, I8: 1}


def compiled(module: ir.Module) -> binding.ExecutionEngine:
    """Return a module's code for this machine; it lives as long as what is returned."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    parsed = binding.parse_assembly(str(module))
    parsed.verify()
    machine = binding.Target.from_default_triple().create_target_machine(
        cpu=binding.get_host_cpu_name(), features=binding.get_host_cpu_features().flatten(), opt=2
    )
    # Only variables into registers: the loops are as they should be, and LLVM's standard passes
    # would take ten times as long as all the rest and gain nothing.
    passes = binding.create_new_module_pass_manager()
    passes.add_sroa_pass()
    tuning = binding.create_pipeline_tuning_options()
    passes.run(parsed, binding.create_pass_builder(machine, tuning))
    engine = binding.create_mcjit_compiler(parsed, machine)
    engine.finalize_object()
    return engine


def i64(value: int) -> ir.Constant:
    """Return a constant."""
    return ir.Constant(I64, value)


def read_ref(f: Function, values: ir.Value, refs: ir.Value, index: ir.Value) -> ir.Value:
    """Return the line of a ref, which is twice a slot, plus one for the complement."""
    ref = f.load(refs, index, I32)
    line = f.load(values, f.build.ashr(ref, i64(1)), LINE)
    flip = f.build.sub(i64(0), f.build.and_(ref, i64(1)))
    return f.build.xor(line, f.splat(flip))
