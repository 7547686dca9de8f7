using Leat.Changes;

namespace Leat.Simulation.Delivery.Plants;

/// <summary>Ways to get wrong what a source tells.</summary>
internal static class SourceBugs
{
    // Each change ends a transaction of its own.
    internal sealed class Torn(ISource source) : PlantedSource(source)
    {
        protected override IChangeWriter Wrap(IChangeWriter writer) => new Writer(writer);

        private sealed class Writer(IChangeWriter writer) : PlantedWriter(writer)
        {
            private byte[] _transaction = [];
            private long _at;
            private bool _any;

            public override void Begin(ReadOnlySpan<byte> transactionId, long committedAtMicros)
            {
                (_transaction, _at, _any) = (transactionId.ToArray(), committedAtMicros, false);
                base.Begin(transactionId, committedAtMicros);
            }

            public override Span<byte> BeginRow(int maxBytes)
            {
                if (_any && Last is { } position)
                {
                    base.CommitAsync(position, moreInput: true, CancellationToken.None).AsTask().GetAwaiter().GetResult();
                    base.Begin(_transaction, _at);
                }

                _any = true;
                return base.BeginRow(maxBytes);
            }
        }
    }

    internal sealed class Hasty(ISource source) : PlantedSource(source)
    {
        protected override IChangeWriter Wrap(IChangeWriter writer) => new Writer(writer);

        private sealed class Writer(IChangeWriter writer) : PlantedWriter(writer)
        {
            public override ValueTask CommitAsync(IPosition position, bool moreInput, CancellationToken cancellationToken) => base.CommitAsync(position, moreInput: false, cancellationToken);
        }
    }

    // What the source has is not asked either, or it would tell.
    internal sealed class NeverEmptied(ISource source) : PlantedSource(source)
    {
        public override ValueTask<bool[]> ExistingAsync(TableSchema table, IReadOnlyList<ReadOnlyMemory<byte>> rows, SourcePosition? captured, CancellationToken cancellationToken) =>
            new(Enumerable.Repeat(true, rows.Count).ToArray());

        protected override IChangeWriter Wrap(IChangeWriter writer) => new Writer(writer);

        private sealed class Writer(IChangeWriter writer) : PlantedWriter(writer)
        {
            public override void EndRow(ChangeKind kind, uint schemaId, int beforeBytes, int afterBytes) =>
                base.EndRow(kind == ChangeKind.Truncate ? ChangeKind.Sweep : kind, schemaId, beforeBytes, afterBytes);
        }
    }
}
