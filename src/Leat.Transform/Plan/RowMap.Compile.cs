using System.Collections.Immutable;
using Leat.Changes;
using Leat.Transform.Expressions;
using Leat.Transform.Plan.Rules;

namespace Leat.Transform.Plan;

// From rules and shapes to what is done with each row.
public sealed partial class RowMap
{
    private sealed class Compilation
    {
        private readonly string[] _ownNames;

        // Columns of the view that a computed one replaces.
        private readonly HashSet<string> _replaced = [];

        // Where each computed column is made: its ordinal in the scope of the levels, or one of the last level's own.
        private readonly Dictionary<string, (int Ordinal, Computed? Own)> _computed = [];
        private readonly List<Column> _outputs = [];
        private TableSchema _scope;

        public Compilation(TableSelection selection, TableSchema source, TableSchema view, (string Column, byte[] Value)? shard)
        {
            (Selection, Source, View, Shard, _scope) = (selection, source, view, shard, view);
            _ownNames = [selection.Alias];
            Projection = RowProjection.Between(source, view, shard);
            CompileFilter();
            var open = CompileSet();
            Parts = CompileOutput(open);
            Output = new(view.Table, [.. _outputs], [.. view.Key.Select(ordinal => OutputOf(view.Columns[ordinal].Name))])
            {
                IsKeyless = view.IsKeyless, IsPartial = view.IsPartial,
            };
            Key = Output.Key;
            IsKeyComputed = view.Key.Any(ordinal => _replaced.Contains(view.Columns[ordinal].Name));
            Columns = Deliver();
            Marks = [.. selection.SoftDelete.Select(CompileMark)];
        }

        public TableSelection Selection { get; }

        public TableSchema Source { get; }

        public TableSchema View { get; }

        public (string Column, byte[] Value)? Shard { get; }

        public TableSchema Output { get; }

        public ImmutableArray<ShapeColumn> Columns { get; }

        public ImmutableArray<int> Key { get; }

        public bool IsKeyComputed { get; }

        public ImmutableArray<string> Replaced => [.. View.Columns.Select(column => column.Name).Where(_replaced.Contains)];

        public RowProjection? Projection { get; }

        public RowFilter? Filter { get; private set; }

        public bool FiltersView { get; private set; }

        public ImmutableArray<Level> Levels { get; private set; } = [];

        public ImmutableArray<Part> Parts { get; }

        public ImmutableArray<Mark> Marks { get; }

        // Of columns that rows have as the view has them, the condition can be tested before anything is made of a row.
        private void CompileFilter()
        {
            if (Selection.Where is not { } text)
                return;
            Filter = Guard(Selection.WhereWritten, "where", () => Expression.Parse(text).CompileFilter(View, _ownNames));
            FiltersView = Projection is not null && Filter.Columns.Any(ordinal => Projection.Unchanged(ordinal) < 0);
            if (Projection is not null && !FiltersView)
                Filter = Guard(Selection.WhereWritten, "where", () => Expression.Parse(text).CompileFilter(Source, _ownNames));
        }

        // A level ends where an expression sees a column that was computed in it; those of the last are written into the output itself.
        private List<Computed> CompileSet()
        {
            var levels = ImmutableArray.CreateBuilder<Level>();
            var open = new List<Computed>();
            foreach (var rule in Selection.Set)
            {
                if (_computed.ContainsKey(rule.Name))
                    throw PlanErrors.SetTwice(Selection, rule);
                if (Selection.Rename.TryGetValue(rule.Name, out var renamed) && renamed != rule.Name)
                    throw PlanErrors.SetRenamed(Selection, rule, renamed);
                var expression = Guard(rule.Expression, $"set '{rule.Name}'", () => Expression.Parse(rule.Expression.Text));
                if (expression.References.Any(reference => open.Exists(column => Means(reference, column.Name))))
                {
                    levels.Add(Close(open));
                    open = [];
                }

                var compiled = Guard(rule.Expression, $"set '{rule.Name}'", () => expression.Compile(_scope, _ownNames));
                var one = new Computed(rule.Name, compiled);
                _computed[rule.Name] = (-1, one);
                if (ReplacedBy(rule.Name) is { } column)
                    _replaced.Add(column);
                open.Add(one);
            }

            Levels = levels.ToImmutable();
            return open;
        }

        private bool Means(ColumnReference reference, string name) =>
            (reference.Qualifier is null || _ownNames.Contains(reference.Qualifier, StringComparer.OrdinalIgnoreCase)) && reference.Name.Equals(name, StringComparison.OrdinalIgnoreCase);

        // The column of the view that is delivered under the name.
        private string? ReplacedBy(string name) =>
            View.Columns.FirstOrDefault(column => Selection.Rename.GetValueOrDefault(column.Name, column.Name) == name)?.Name;

        private Level Close(List<Computed> open)
        {
            var hidden = open.Select(column => ReplacedBy(column.Name)).ToHashSet();
            var columns = _scope.Columns.Select(column => hidden.Contains(column.Name) ? column with { Name = HiddenName(column.Name) } : column).ToList();
            foreach (var column in open)
            {
                _computed[column.Name] = (columns.Count, null);
                columns.Add(column.Expression.Result with { Name = column.Name });
            }

            var input = _scope;
            _scope = new(View.Table, [.. columns], View.Key) { IsPartial = View.IsPartial };
            return new(input, _scope, [.. open]);
        }

        private static string HiddenName(string column) => $"{column} (source)";

        // The view's columns in their order, replaced ones by those that replace them; then the new ones; then those that only a delete sets.
        private ImmutableArray<Part> CompileOutput(List<Computed> open)
        {
            var parts = ImmutableArray.CreateBuilder<Part>();
            var placed = new HashSet<string>();
            for (var ordinal = 0; ordinal < View.Columns.Length; ordinal++)
            {
                var column = View.Columns[ordinal];
                if (!_replaced.Contains(column.Name))
                {
                    parts.Add(new(ordinal, null));
                    _outputs.Add(column);
                    continue;
                }

                var name = Selection.Rename.GetValueOrDefault(column.Name, column.Name);
                placed.Add(name);
                AddComputed(name, parts);
            }

            foreach (var rule in Selection.Set.Where(rule => !placed.Contains(rule.Name)))
                AddComputed(rule.Name, parts);
            foreach (var rule in Selection.SoftDelete.Where(rule => !_outputs.Exists(column => column.Name == rule.Name)))
            {
                parts.Add(new(-1, null));
                _outputs.Add(MarkColumn(rule));
            }

            return parts.ToImmutable();
        }

        private void AddComputed(string name, ImmutableArray<Part>.Builder parts)
        {
            var (ordinal, own) = _computed[name];
            parts.Add(new(ordinal, own));
            _outputs.Add((own is null ? _scope.Columns[ordinal] : own.Expression.Result) with { Name = name });
        }

        // A column that only a delete sets is of its expression's kind, and NULL in rows that live.
        private Column MarkColumn(SetRule rule)
        {
            var soFar = new TableSchema(View.Table, [.. _outputs], []);
            return Guard(rule.Expression, $"soft_delete '{rule.Name}'", () => Expression.Parse(rule.Expression.Text).Compile(soFar, _ownNames)).Result with { Name = rule.Name, Nullable = true };
        }

        private Mark CompileMark(SetRule rule)
        {
            var expression = Guard(rule.Expression, $"soft_delete '{rule.Name}'", () => Expression.Parse(rule.Expression.Text).Compile(Output, _ownNames));
            var ordinal = Output.Find(rule.Name);
            if (Key.Contains(ordinal))
                throw PlanErrors.SoftDeleteOfKey(Selection, rule);
            var value = expression.Result with { Name = rule.Name };
            if (!ValueConversion.CanBe(value, Output.Columns[ordinal]))
                throw PlanErrors.SoftDeleteOfOtherKind(Selection, rule, Output.Columns[ordinal], value);
            return new(ordinal, expression, new(View.Table, [value], []));
        }

        private int OutputOf(string column)
        {
            var name = _replaced.Contains(column) ? Selection.Rename.GetValueOrDefault(column, column) : column;
            return _outputs.FindIndex(output => output.Name == name);
        }

        private ImmutableArray<ShapeColumn> Deliver()
        {
            foreach (var name in Selection.Rename.Keys.Where(name => View.Find(name) < 0))
                throw PlanErrors.UnknownColumn(Selection, name, View);
            var columns = ImmutableArray.CreateBuilder<ShapeColumn>();
            if (Selection.Columns.IsEmpty)
            {
                for (var ordinal = 0; ordinal < Output.Columns.Length; ordinal++)
                    Add(ordinal);
            }
            else
            {
                var named = Selection.Columns.Select(OrdinalOf).ToList();
                foreach (var ordinal in Key.Where(key => !named.Contains(key)))
                    Add(ordinal);
                foreach (var ordinal in named)
                    Add(ordinal);
                foreach (var rule in Selection.Set.Concat(Selection.SoftDelete))
                {
                    if (!columns.Any(column => column.Ordinal == Output.Find(rule.Name)))
                        Add(Output.Find(rule.Name));
                }
            }

            var twice = columns.GroupBy(column => column.Name).FirstOrDefault(group => group.Count() > 1);
            return twice is null ? columns.ToImmutable() : throw PlanErrors.DeliveredTwice(Selection, twice.Key);

            void Add(int ordinal)
            {
                var name = Output.Columns[ordinal].Name;
                columns.Add(new(_computed.ContainsKey(name) ? name : Selection.Rename.GetValueOrDefault(name, name), ordinal));
            }
        }

        private int OrdinalOf(string name)
        {
            if (View.Find(name) >= 0)
                return OutputOf(name);
            return Output.Find(name) is var ordinal and >= 0 ? ordinal : throw PlanErrors.UnknownColumn(Selection, name, View);
        }

        private T Guard<T>(WrittenExpression? written, string what, Func<T> compile)
        {
            try
            {
                return compile();
            }
            catch (ExpressionException error) when (written is not null)
            {
                throw PlanErrors.BadExpression(Selection, written, what, error);
            }
        }
    }
}
