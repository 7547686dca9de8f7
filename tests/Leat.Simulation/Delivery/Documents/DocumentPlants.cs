using Leat.Changes;

namespace Leat.Simulation.Delivery.Documents;

/// <summary>Known ways to get the delivery of documents wrong, each of which the simulation must notice. Planted between the engine and what it stands on.</summary>
internal static class DocumentPlants
{
    public static SortedDictionary<string, DocumentPlant> All { get; } = new(StringComparer.Ordinal)
    {
        ["takes a lost answer for success"] = Lanes(100, lane => new LostIsApplied(lane)),
        ["drops what is to be sent again"] = Lanes(100, lane => new RetriesDropped(lane)),
        ["believes that a lane is further than it is"] = Lanes(300, lane => new CommittedAhead(lane)),
        ["deletes no document"] = Lanes(50, lane => new DeletesDropped(lane)),
        ["sends the documents of a transaction that has not ended"] = Sources(50, source => new Torn(source)),
        ["takes a source for told that tells more"] = Sources(500, source => new Hasty(source)),
        ["forgets that a table was emptied"] = Sources(200, source => new NeverEmptied(source)),
        ["removes nothing of what another log left"] = new() { Budget = 500, Sink = sink => new NothingRead(sink) },
    };

    private static DocumentPlant Lanes(ulong budget, Func<ISinkLane, ISinkLane> wrap) => new() { Budget = budget, Sink = sink => new LanesPlanted(sink, wrap) };

    private static DocumentPlant Sources(ulong budget, Func<ISource, ISource> wrap) => new() { Budget = budget, Source = wrap };

    private sealed class LanesPlanted(ISink sink, Func<ISinkLane, ISinkLane> wrap) : PlantedSink(sink)
    {
        protected override ISinkLane Wrap(ISinkLane lane) => wrap(lane);
    }

    private sealed class NothingRead(ISink sink) : PlantedSink(sink)
    {
        public override IAsyncEnumerable<TargetRow> ReadAsync(Shape shape, CancellationToken cancellationToken) => AsyncEnumerable.Empty<TargetRow>();
    }

    private sealed class CommittedAhead(ISinkLane lane) : PlantedLane(lane)
    {
        public override long? CommittedOffset => base.CommittedOffset + 2;
    }

    private sealed class LostIsApplied(ISinkLane lane) : PlantedLane(lane)
    {
        public override async ValueTask WriteAsync(ReadOnlyMemory<Operation> batch, Memory<Answer> answers, CancellationToken cancellationToken)
        {
            try
            {
                await base.WriteAsync(batch, answers, cancellationToken);
            }
            catch (RetriableException)
            {
                answers.Span.Fill(Answer.Applied);
            }
        }
    }

    private sealed class RetriesDropped(ISinkLane lane) : PlantedLane(lane)
    {
        public override async ValueTask WriteAsync(ReadOnlyMemory<Operation> batch, Memory<Answer> answers, CancellationToken cancellationToken)
        {
            await base.WriteAsync(batch, answers, cancellationToken);
            foreach (ref var answer in answers.Span)
                answer = answer.Kind == AnswerKind.Retry ? Answer.Applied : answer;
        }
    }

    private sealed class DeletesDropped(ISinkLane lane) : PlantedLane(lane)
    {
        public override async ValueTask WriteAsync(ReadOnlyMemory<Operation> batch, Memory<Answer> answers, CancellationToken cancellationToken)
        {
            var kept = Enumerable.Range(0, batch.Length).Where(at => batch.Span[at].Kind != OperationKind.Delete).ToList();
            answers.Span.Fill(Answer.Applied);
            if (kept.Count == 0)
                return;
            var there = new Answer[kept.Count];
            await base.WriteAsync(kept.Select(at => batch.Span[at]).ToArray(), there, cancellationToken);
            for (var i = 0; i < kept.Count; i++)
                answers.Span[kept[i]] = there[i];
        }
    }

    // Each change ends a transaction of its own.
    private sealed class Torn(ISource source) : PlantedSource(source)
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

    private sealed class Hasty(ISource source) : PlantedSource(source)
    {
        protected override IChangeWriter Wrap(IChangeWriter writer) => new Writer(writer);

        private sealed class Writer(IChangeWriter writer) : PlantedWriter(writer)
        {
            public override ValueTask CommitAsync(IPosition position, bool moreInput, CancellationToken cancellationToken) => base.CommitAsync(position, moreInput: false, cancellationToken);
        }
    }

    private sealed class NeverEmptied(ISource source) : PlantedSource(source)
    {
        protected override IChangeWriter Wrap(IChangeWriter writer) => new Writer(writer);

        private sealed class Writer(IChangeWriter writer) : PlantedWriter(writer)
        {
            public override void EndRow(ChangeKind kind, uint schemaId, int beforeBytes, int afterBytes) =>
                base.EndRow(kind == ChangeKind.Truncate ? ChangeKind.Sweep : kind, schemaId, beforeBytes, afterBytes);
        }
    }

    private class PlantedSource(ISource source) : ISource
    {
        public ValueTask RunAsync(SourceRun run, IChangeWriter writer, CancellationToken cancellationToken) => source.RunAsync(run, Wrap(writer), cancellationToken);

        public ValueTask<SourcePosition> CurrentPositionAsync(CancellationToken cancellationToken) => source.CurrentPositionAsync(cancellationToken);

        public ValueTask<IReadOnlyList<TableSchema>> TablesAsync(CancellationToken cancellationToken) => source.TablesAsync(cancellationToken);

        public ValueTask<IReadOnlyList<Finding>> CheckAsync(CancellationToken cancellationToken) => source.CheckAsync(cancellationToken);

        public ValueTask<SourcePosition> ParsePositionAsync(string text, CancellationToken cancellationToken) => source.ParsePositionAsync(text, cancellationToken);

        public IAsyncEnumerable<SourceRow> ReadTableAsync(TableSchema table, SourcePosition? captured, CancellationToken cancellationToken) =>
            source.ReadTableAsync(table, captured, cancellationToken);

        public ValueTask<bool[]> ExistingAsync(TableSchema table, IReadOnlyList<ReadOnlyMemory<byte>> rows, SourcePosition? captured, CancellationToken cancellationToken) =>
            new(Enumerable.Repeat(true, rows.Count).ToArray());

        public ValueTask DisposeAsync() => source.DisposeAsync();

        protected virtual IChangeWriter Wrap(IChangeWriter writer) => writer;
    }

    private class PlantedWriter(IChangeWriter writer) : IChangeWriter
    {
        protected IPosition? Last { get; private set; }

        public uint Define(TableSchema schema) => writer.Define(schema);

        public virtual void Begin(ReadOnlySpan<byte> transactionId, long committedAtMicros) => writer.Begin(transactionId, committedAtMicros);

        public virtual Span<byte> BeginRow(int maxBytes) => writer.BeginRow(maxBytes);

        public virtual void EndRow(ChangeKind kind, uint schemaId, int beforeBytes, int afterBytes) => writer.EndRow(kind, schemaId, beforeBytes, afterBytes);

        public virtual ValueTask CommitAsync(IPosition position, bool moreInput, CancellationToken cancellationToken)
        {
            Last = position;
            return writer.CommitAsync(position, moreInput, cancellationToken);
        }

        public void Rollback() => writer.Rollback();

        public ValueTask AdvanceAsync(IPosition position, bool moreInput, CancellationToken cancellationToken) => writer.AdvanceAsync(position, moreInput, cancellationToken);

        public ValueTask WhenRoomAsync(CancellationToken cancellationToken) => writer.WhenRoomAsync(cancellationToken);

        public void Progress(SnapshotProgress progress) => writer.Progress(progress);
    }
}
