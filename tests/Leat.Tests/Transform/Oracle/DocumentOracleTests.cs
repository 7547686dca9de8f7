using System.Globalization;
using System.Text.Json;
using Leat.Changes;
using Leat.Transform.Plan;
using Leat.Transform.Plan.Documents;
using Xunit;

namespace Leat.Tests.Transform.Oracle;

/// <summary>
/// Random changes, random documents: after every transaction the documents that were emitted are what SQLite's query gives. Between transactions the plan is saved, killed and loaded, and what
/// came after the last save is replayed. LEAT_SEEDS says how many seeds; one that fails is named, and LEAT_SEED runs it alone.
/// </summary>
public sealed class DocumentOracleTests
{
    private const int Transactions = 60;

    private static readonly JsonSerializerOptions WithFields = new() { IncludeFields = true };

    private static int Seeds => int.TryParse(Environment.GetEnvironmentVariable("LEAT_SEEDS"), CultureInfo.InvariantCulture, out var seeds) ? seeds : 40;

    [Fact]
    public void Documents_are_what_the_query_gives() => RunAll(isWide: false, isMinimal: false);

    [Fact]
    public void Documents_that_many_rows_share_are_what_the_query_gives() => RunAll(isWide: true, isMinimal: false);

    [Fact]
    public void Documents_of_images_that_tell_only_what_changed_are_what_the_query_gives() => RunAll(isWide: false, isMinimal: true);

    private static void RunAll(bool isWide, bool isMinimal)
    {
        var only = Environment.GetEnvironmentVariable("LEAT_SEED") is { Length: > 0 } one ? int.Parse(one, CultureInfo.InvariantCulture) : (int?)null;
        var (first, last) = only is { } seeded ? (seeded, seeded) : (1, isWide ? (Seeds + 3) / 4 : Seeds);
        for (var seed = first; seed <= last; seed++)
        {
            try
            {
                using var run = new Run(seed, isWide, isMinimal);
                run.All();
            }
            catch (Exception error) when (error.GetType().Namespace?.StartsWith("Xunit", StringComparison.Ordinal) != true)
            {
                throw new InvalidOperationException($"seed {seed}", error);
            }
        }
    }

    private sealed class Run : IDisposable
    {
        private readonly int _seed;
        private readonly Random _random;
        private readonly Sqlite _judge = new();
        private readonly OracleTables _tables;
        private readonly OracleDocument _document;
        private readonly SortedDictionary<string, string> _view = new(StringComparer.Ordinal);
        private readonly SavedRows _saved = new();
        private readonly List<List<OracleChange>> _sinceSave = [];
        private readonly Operation[] _operations;
        private readonly bool _wantsBefore;
        private DocumentPlan _plan;
        private long _offset = -1;
        private Operation _last;
        private bool _hadBacklog;

        public Run(int seed, bool isWide, bool isMinimal)
        {
            _seed = seed;
            _random = new(seed * 4 + (isWide ? 1 : 0) + (isMinimal ? 2 : 0));
            _tables = new(_random, isWide, isMinimal);
            _document = new(_random, isFiltered: !isMinimal);
            _operations = new Operation[_random.Next(1, 12)];
            _wantsBefore = _random.Next(2) == 0;
            foreach (var statement in OracleTables.Definitions.Concat(_document.Views))
                _judge.Run(statement);
            _plan = Compile();
        }

        public void All()
        {
            Load(_random.Next(3) == 0 ? 0 : _random.Next(1, 40));
            for (var number = 0; number < Transactions; number++)
            {
                var transaction = _tables.Transaction();
                foreach (var change in transaction)
                    _judge.Run(change.Sql);
                _sinceSave.Add(transaction);
                Take(transaction);
                if (_random.Next(4) > 0)
                    Drain();
                if (!_plan.HasBacklog)
                {
                    Compare($"transaction {number}");
                    EmitAgain();
                }

                Restart();
                if (_random.Next(100) < 4)
                    Reread();
            }

            Drain();
            Compare("the end");
        }

        public void Dispose()
        {
            _judge.Dispose();
            _plan.Dispose();
        }

        // What stood in the tables before: read by a snapshot, and emitted as a whole.
        private void Load(int transactions)
        {
            for (var i = 0; i < transactions; i++)
            {
                foreach (var change in _tables.Transaction())
                    _judge.Run(change.Sql);
            }

            _plan.IsLoading = true;
            foreach (var change in _tables.Snapshot())
            {
                _plan.Apply(change.Record!, change.Offset); // not null: a snapshot has rows
                _offset = change.Offset;
            }

            Assert.False(_plan.HasTouched);
            _plan.IsLoading = false;
            _plan.EmitAll();
            Save();
            Drain();
            Compare("the snapshot");
        }

        private void Take(List<OracleChange> transaction, bool isReplay = false)
        {
            // While it is replayed, and while documents wait, the view is not what the plan was.
            var before = isReplay || _plan.HasBacklog ? null : new SortedDictionary<string, string>(_view);
            foreach (var change in transaction)
            {
                if (change.Record is null)
                    _plan.Truncate(change.Table, change.Offset, 0);
                else
                    _plan.Apply(change.Record, change.Offset);
                _offset = change.Offset;
            }

            _plan.EndTransaction();
            var keys = new HashSet<string>();
            var last = -1L;
            using var arena = new RowArena();
            while (_plan.Emit(arena, _operations) is var count and > 0)
            {
                foreach (ref readonly var operation in _operations.AsSpan(0, count))
                {
                    Assert.True(keys.Add(OracleView.KeyOf(operation)), $"seed {_seed}: two operations of one document in one transaction");
                    Assert.InRange(operation.Offset, Math.Max(last, transaction[0].Offset), transaction[^1].Offset);
                    Assert.False(operation.IsUnpositioned);
                    last = operation.Offset;
                    if (before is not null && _wantsBefore)
                        AssertBefore(before, operation);
                    Deliver(operation);
                }
            }

            Assert.False(_plan.HasTouched);
        }

        // Changes were lost; the table is read again, and the source is asked for the rows that are held.
        private void Reread()
        {
            var (table, lost, rows) = _tables.Reread();
            foreach (var statement in lost)
                _judge.Run(statement);
            if (rows.Count > 0)
                Take(rows);
            var gone = new List<ReadOnlyMemory<byte>>();
            using var arena = new RowArena();
            var keys = new ReadOnlyMemory<byte>[3];
            var cursor = 0L;
            while (_plan.Keys(table.Table, ref cursor, arena, keys) is var count and > 0)
                gone.AddRange(keys[..count].Where(key => !_tables.Has(table, IdOf(table, key.Span))));
            foreach (var key in gone)
                _plan.Remove(table.Table, key.Span, _offset, 0);
            _plan.EndTransaction();
            while (_plan.Emit(arena, _operations) is var made and > 0)
            {
                foreach (ref readonly var operation in _operations.AsSpan(0, made))
                    Deliver(operation);
            }

            Drain();
            Compare($"{table.Table.Name} was read again");
            Save();
        }

        private static int IdOf(TableSchema table, ReadOnlySpan<byte> row)
        {
            var reader = new RowReader(table, row);
            reader.Read();
            return (int)reader.Int64;
        }

        private void AssertBefore(SortedDictionary<string, string> before, in Operation operation)
        {
            var was = before.GetValueOrDefault(OracleView.KeyOf(operation));
            var told = operation.Kind == OperationKind.Delete ? operation.Row : operation.Before;
            Assert.True(
                (told.IsEmpty ? null : OracleView.DocumentOf(operation.Shape, told.Span)) == was,
                $"seed {_seed}: {operation.Kind} of {OracleView.KeyOf(operation)} tells another document before it: {(told.IsEmpty ? "" : OracleView.DocumentOf(operation.Shape, told.Span))} instead of {was}");
        }

        // One document by its key: as it is, or deleted when there is none.
        private void EmitAgain()
        {
            if (_last.Row.IsEmpty)
                return;
            using var arena = new RowArena();
            var operation = _plan.EmitKey(_last.Row.Span, _offset, 0, arena);
            var key = OracleView.KeyOf(_last);
            Assert.Equal(key, OracleView.KeyOf(operation));
            Assert.Equal(_last.KeyHash, operation.KeyHash);
            Assert.Equal(_view.GetValueOrDefault(key), operation.Kind == OperationKind.Delete ? null : OracleView.DocumentOf(operation.Shape, operation.Row.Span));
            Assert.True(operation.Kind == OperationKind.Delete || !_plan.Find(operation.KeyHash, arena).IsEmpty);
        }

        private void Drain()
        {
            using var arena = new RowArena();
            while (_plan.HasBacklog)
            {
                var count = _plan.EmitBacklog(arena, _operations, _offset, 0);
                foreach (ref readonly var operation in _operations.AsSpan(0, count))
                {
                    Assert.True(operation.IsUnpositioned);
                    Deliver(operation);
                }
            }
        }

        private void Deliver(in Operation operation)
        {
            _last = new()
            {
                Kind = operation.Kind, Cause = operation.Cause, Offset = operation.Offset, CommittedAtMicros = 0, Shape = operation.Shape, Row = operation.Row.ToArray(), KeyHash = operation.KeyHash,
            };
            if (operation.Kind == OperationKind.Delete)
                _view.Remove(OracleView.KeyOf(operation));
            else
                _view[OracleView.KeyOf(operation)] = OracleView.DocumentOf(operation.Shape, operation.Row.Span);
        }

        private void Restart()
        {
            var dice = _random.Next(100);
            if (dice < 15)
                Save();
            else if (dice < 25)
                _plan.Save(_saved, _random.Next(1, 8)); // never closed, if a kill comes first
            if (_random.Next(100) >= 10)
                return;

            _plan.Dispose();
            _plan = Compile();
            _saved.Load(_plan);
            if (_hadBacklog)
                _plan.EmitAll();
            foreach (var transaction in _sinceSave)
                Take(transaction, isReplay: true);
            Drain();
            Compare("a kill");
        }

        private void Save()
        {
            while (_plan.Save(_saved, _random.Next(1, 20)) > 0)
            {
            }

            _saved.Close();
            _sinceSave.Clear();
            _hadBacklog = _plan.HasBacklog;
        }

        private DocumentPlan Compile()
        {
            var plan = DocumentPlan.Compile(_document.Rule, _document.Tables, table => OracleTables.Schemas.First(schema => schema.Table == table));
            plan.WantsBefore = _wantsBefore;
            foreach (var schema in OracleTables.Schemas)
            {
                plan.Learn(OracleTables.IdOf(schema.Table), schema);
                plan.Learn(OracleTables.IdOf(schema.Table) + 100, schema.As(partial: true));
            }

            return plan;
        }

        private void Compare(string when)
        {
            Assert.Equal(0, _plan.Retractions);
            Assert.False(_plan.IsSuspect);
            var expected = OracleView.Of(_judge.Query(_document.Query));
            if (expected.SequenceEqual(_view))
                return;
            var key = expected.Keys.Union(_view.Keys).First(key => expected.GetValueOrDefault(key) != _view.GetValueOrDefault(key));
            Assert.Fail(
                $"""
                seed {_seed}, {when}: document {key}
                expected {expected.GetValueOrDefault(key)}
                emitted  {_view.GetValueOrDefault(key)}
                tables   {string.Join("; ", _document.Tables.Where(table => table.Where is not null).Select(table => $"{table.Alias}: {table.Where}"))}
                rule     {JsonSerializer.Serialize(_document.Rule, WithFields)}
                query    {_document.Query}
                """);
        }
    }

    // Rows as a state stream would keep them: what was not closed is not there after a kill.
    private sealed class SavedRows : IStateTarget
    {
        private readonly Dictionary<string, byte[]> _rows = [];
        private readonly List<(string Key, byte[]? Value)> _open = [];

        public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => _open.Add((Convert.ToHexString(key), value.ToArray()));

        public void Delete(ReadOnlySpan<byte> key) => _open.Add((Convert.ToHexString(key), null));

        public void Close()
        {
            foreach (var (key, value) in _open)
            {
                if (value is null)
                    _rows.Remove(key);
                else
                    _rows[key] = value;
            }

            _open.Clear();
        }

        public void Load(DocumentPlan plan)
        {
            _open.Clear();
            foreach (var (key, value) in _rows)
                plan.Put(Convert.FromHexString(key), value);
        }
    }
}
