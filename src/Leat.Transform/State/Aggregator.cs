using System.Buffers;
using System.Buffers.Text;
using System.Text;
using Leat.Changes;
using Leat.Transform.Expressions;

namespace Leat.Transform.State;

/// <summary>Computes one aggregate over values that come and go. For one thread.</summary>
/// <remarks>
/// The result depends on the values alone: neither on their order nor on what was there before. NULL among them counts for <c>count(*)</c> only. Without values a count is 0 and all else NULL.
/// </remarks>
internal abstract class Aggregator
{
    // An object with its fields, as 64-bit runtimes lay it out.
    private const int ObjectBytes = 96;

    private readonly StateMemory? _memory;

    private protected Aggregator(AggregateSpec spec, StateMemory? memory)
    {
        Spec = spec;
        _memory = memory;
        memory?.Hold(ObjectBytes);
    }

    /// <summary>What it computes.</summary>
    public AggregateSpec Spec { get; }

    /// <summary>Values that are there and not NULL; of <c>count(*)</c> all.</summary>
    public long Values { get; private protected set; }

    /// <summary>Whether there is no value but NULL.</summary>
    public bool IsEmpty => Values == 0;

    /// <summary>An aggregate without values.</summary>
    /// <param name="spec">What it computes; must be possible.</param>
    /// <param name="takesBack">Whether values can be removed; if not, less is kept.</param>
    /// <param name="memory">What counts the bytes that it keeps; <see langword="null"/>: nobody.</param>
    /// <exception cref="PauseException">The limit of the memory is reached.</exception>
    public static Aggregator Create(AggregateSpec spec, bool takesBack = true, StateMemory? memory = null) => spec.Kind switch
    {
        AggregateKind.Count => new Counter(spec, memory),
        AggregateKind.Sum or AggregateKind.Average when spec.IsExact => new ExactAggregator(spec, memory),
        AggregateKind.Sum or AggregateKind.Average => new RealAggregator(spec, memory),
        AggregateKind.Min or AggregateKind.Max when !takesBack => new ExtremeAggregator(spec, memory),
        AggregateKind.Min or AggregateKind.Max or AggregateKind.CountDistinct => new BagAggregator(spec, memory),
        AggregateKind.StringAggregate => new TextAggregator(spec, memory),
        _ => throw new ArgumentOutOfRangeException(nameof(spec), spec.Kind, "unknown aggregate"),
    };

    /// <summary>A value comes.</summary>
    /// <param name="value">The bytes of the argument as an encoded row has them; empty for <c>count(*)</c> and NULL.</param>
    /// <param name="isNull">Whether it is NULL; false for <c>count(*)</c>.</param>
    /// <param name="order">What it is ordered by, the same way.</param>
    /// <param name="isOrderNull">Whether that is NULL.</param>
    /// <exception cref="PauseException">The limit of the memory is reached. Nothing was changed.</exception>
    public void Add(ReadOnlySpan<byte> value, bool isNull, ReadOnlySpan<byte> order = default, bool isOrderNull = true)
    {
        if (isNull)
            return;
        Enter(value, order, isOrderNull);
        Values++;
    }

    /// <summary>A value goes, told as it was when it came; false when it is not known to be there: what is held is not what the source has.</summary>
    public bool Remove(ReadOnlySpan<byte> value, bool isNull, ReadOnlySpan<byte> order = default, bool isOrderNull = true)
    {
        if (isNull)
            return true;
        if (Values == 0 || !Leave(value, order, isOrderNull))
            return false;
        Values--;
        if (Values == 0)
            Forget();
        return true;
    }

    /// <summary>Writes the result as the next column of a row, as <see cref="AggregateSpec.Result"/> says.</summary>
    public void Append(RowBuilder target)
    {
        if (IsEmpty && Spec.Kind is not (AggregateKind.Count or AggregateKind.CountDistinct))
            target.WriteNull();
        else
            Write(target);
    }

    /// <summary>All values go.</summary>
    public void Clear()
    {
        Values = 0;
        Forget();
    }

    /// <summary>All values go, and so does the aggregator: its bytes are no longer counted.</summary>
    public void Release()
    {
        Clear();
        _memory?.Hold(-ObjectBytes);
    }

    private protected abstract void Enter(ReadOnlySpan<byte> value, ReadOnlySpan<byte> order, bool isOrderNull);

    private protected abstract bool Leave(ReadOnlySpan<byte> value, ReadOnlySpan<byte> order, bool isOrderNull);

    private protected abstract void Write(RowBuilder target);

    // Nothing is left: what stayed of former values goes, too.
    private protected abstract void Forget();

    private sealed class Counter(AggregateSpec spec, StateMemory? memory) : Aggregator(spec, memory)
    {
        private protected override void Enter(ReadOnlySpan<byte> value, ReadOnlySpan<byte> order, bool isOrderNull)
        {
        }

        private protected override bool Leave(ReadOnlySpan<byte> value, ReadOnlySpan<byte> order, bool isOrderNull) => true;

        private protected override void Write(RowBuilder target) => target.WriteUInt64((ulong)Values);

        private protected override void Forget()
        {
        }
    }

    private sealed class ExactAggregator(AggregateSpec spec, StateMemory? memory) : Aggregator(spec, memory)
    {
        private readonly Column _argument = spec.Argument!;
        private readonly Column _result = spec.Result;
        private ExactSum _sum = new(spec.Argument!.Scale);

        private protected override void Enter(ReadOnlySpan<byte> value, ReadOnlySpan<byte> order, bool isOrderNull) =>
            _sum.Add(_argument, value, isAway: false);

        private protected override bool Leave(ReadOnlySpan<byte> value, ReadOnlySpan<byte> order, bool isOrderNull)
        {
            _sum.Add(_argument, value, isAway: true);
            return true;
        }

        private protected override void Write(RowBuilder target)
        {
            if (Spec.Kind == AggregateKind.Sum)
                _sum.Append(_result, target);
            else
                _sum.AppendQuotient(Values, _result, target);
        }

        private protected override void Forget() => _sum.Clear();
    }

    private sealed class RealAggregator(AggregateSpec spec, StateMemory? memory) : Aggregator(spec, memory)
    {
        private readonly Column _argument = spec.Argument!;
        private RealSum _sum;

        private protected override void Enter(ReadOnlySpan<byte> value, ReadOnlySpan<byte> order, bool isOrderNull) =>
            _sum.Add(ValueOf(value), isAway: false);

        private protected override bool Leave(ReadOnlySpan<byte> value, ReadOnlySpan<byte> order, bool isOrderNull)
        {
            _sum.Add(ValueOf(value), isAway: true);
            return true;
        }

        // What is no finite number cannot be computed, and is NULL as all that cannot.
        private protected override void Write(RowBuilder target)
        {
            var value = _sum.Value / (Spec.Kind == AggregateKind.Sum ? 1 : Values);
            if (double.IsFinite(value))
                target.WriteUInt64(BitConverter.DoubleToUInt64Bits(value));
            else
                target.WriteNull();
        }

        private protected override void Forget() => _sum.Clear();

        private double ValueOf(ReadOnlySpan<byte> value) => _argument.Kind == ColumnKind.Float32
            ? JoinKey.Widen(BitConverter.ToSingle(value))
            : BitConverter.ToDouble(value);
    }

    // The best value alone: enough when none is taken back.
    private sealed class ExtremeAggregator(AggregateSpec spec, StateMemory? memory) : Aggregator(spec, memory)
    {
        private readonly Column _argument = spec.Argument!;
        private ArrayBufferWriter<byte> _best = new();
        private ArrayBufferWriter<byte> _next = new();

        private protected override void Enter(ReadOnlySpan<byte> value, ReadOnlySpan<byte> order, bool isOrderNull)
        {
            _next.ResetWrittenCount();
            SortKey.Write(_argument, value, _next);
            var comparison = _next.WrittenSpan.SequenceCompareTo(_best.WrittenSpan);
            if (Values == 0 || (Spec.Kind == AggregateKind.Min ? comparison < 0 : comparison > 0))
                (_best, _next) = (_next, _best);
        }

        private protected override bool Leave(ReadOnlySpan<byte> value, ReadOnlySpan<byte> order, bool isOrderNull) =>
            throw new InvalidOperationException("values of this aggregate are not taken back");

        private protected override void Write(RowBuilder target) => SortKey.Append(_argument, _best.WrittenSpan, target);

        private protected override void Forget()
        {
        }
    }

    private sealed class BagAggregator(AggregateSpec spec, StateMemory? memory) : Aggregator(spec, memory)
    {
        private readonly Column _argument = spec.Argument!;
        private readonly ValueBag _values = new(memory);

        private protected override void Enter(ReadOnlySpan<byte> value, ReadOnlySpan<byte> order, bool isOrderNull) => _values.Add(KeyOf(value));

        private protected override bool Leave(ReadOnlySpan<byte> value, ReadOnlySpan<byte> order, bool isOrderNull) => _values.Remove(KeyOf(value));

        private protected override void Write(RowBuilder target)
        {
            if (Spec.Kind == AggregateKind.CountDistinct)
                target.WriteUInt64((ulong)_values.Distinct);
            else
                SortKey.Append(_argument, Spec.Kind == AggregateKind.Min ? _values.Least : _values.Greatest, target);
        }

        private protected override void Forget() => _values.Clear();

        private ReadOnlySpan<byte> KeyOf(ReadOnlySpan<byte> value)
        {
            var key = Scratch.Key;
            key.ResetWrittenCount();
            SortKey.Write(_argument, value, key);
            return key.WrittenSpan;
        }
    }

    private sealed class TextAggregator(AggregateSpec spec, StateMemory? memory) : Aggregator(spec, memory)
    {
        private readonly byte[] _separator = Encoding.UTF8.GetBytes(spec.Separator);
        private readonly ValueBag _values = new(memory);

        private protected override void Enter(ReadOnlySpan<byte> value, ReadOnlySpan<byte> order, bool isOrderNull) =>
            _values.Add(KeyOf(value, order, isOrderNull));

        private protected override bool Leave(ReadOnlySpan<byte> value, ReadOnlySpan<byte> order, bool isOrderNull) =>
            _values.Remove(KeyOf(value, order, isOrderNull));

        private protected override void Write(RowBuilder target)
        {
            var text = Scratch.Text;
            text.ResetWrittenCount();
            var isFirst = true;
            foreach (var entry in _values)
            {
                var value = Spec.Order is null ? entry.Value : entry.Value[SortKey.PartLength(Spec.Order, entry.Value, Spec.IsFalling)..];
                for (var i = 0u; i < entry.Times; i++)
                {
                    if (!isFirst)
                        text.Write(_separator);
                    text.Write(value);
                    isFirst = false;
                }
            }

            target.WriteBytes(text.WrittenSpan);
        }

        private protected override void Forget() => _values.Clear();

        private ReadOnlySpan<byte> KeyOf(ReadOnlySpan<byte> value, ReadOnlySpan<byte> order, bool isOrderNull)
        {
            var key = Scratch.Key;
            key.ResetWrittenCount();
            if (Spec.Order is not null)
                SortKey.WritePart(Spec.Order, order, isOrderNull, Spec.IsFalling, key, Scratch.Text);
            WriteText(Spec.Argument!, value, key);
            return key.WrittenSpan;
        }

        private static void WriteText(Column column, ReadOnlySpan<byte> value, ArrayBufferWriter<byte> target)
        {
            if (column.Kind is ColumnKind.String or ColumnKind.Enum or ColumnKind.Set)
            {
                SortKey.Write(column, value, target);
                return;
            }

            if (column.Kind == ColumnKind.Decimal)
            {
                target.Write(value);
                return;
            }

            int written;
            if (SortKey.IsSigned(column.Kind))
                Utf8Formatter.TryFormat(SortKey.Signed(value), target.GetSpan(20), out written);
            else
                Utf8Formatter.TryFormat(SortKey.Unsigned(value), target.GetSpan(20), out written);
            target.Advance(written);
        }
    }

    // Shared by the aggregators of a thread, so that a group costs no buffers of its own.
    private static class Scratch
    {
        [ThreadStatic]
        private static ArrayBufferWriter<byte>? _key;

        [ThreadStatic]
        private static ArrayBufferWriter<byte>? _text;

        public static ArrayBufferWriter<byte> Key => _key ??= new();

        public static ArrayBufferWriter<byte> Text => _text ??= new();
    }
}
