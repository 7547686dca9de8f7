using System.Globalization;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.IntegrationTests.PostgreSql;
using Leat.Transform.Expressions;
using Npgsql;
using Xunit;

namespace Leat.IntegrationTests.Transform;

/// <summary>Random expressions over random rows, computed by Leat and by PostgreSQL. LEAT_SEED repeats a run.</summary>
public sealed class ExpressionDifferenceTests(SharedPostgreSql shared)
{
    private const int Expressions = 100_000;
    private const int Together = 2000;
    private const int Rows = 64;
    private const int Depth = 4;
    private const int MostDifferences = 10;

    // What PostgreSQL refuses at run time, an overflow for example, is NULL in Leat; the part that is NULL may be anywhere inside, so nothing is compared.
    private const double MostRefused = 0.03;

    private const string Try =
        """
        CREATE FUNCTION try(expression text, r int) RETURNS text LANGUAGE plpgsql AS $$
        DECLARE result text;
        BEGIN
          EXECUTE format('SELECT %s FROM samples WHERE id = %s', expression, r) INTO result;
          RETURN result;
        EXCEPTION WHEN OTHERS THEN RETURN '!' || SQLSTATE || ' ' || SQLERRM;
        END $$
        """;

    [Fact]
    public async Task Leat_and_postgresql_compute_the_same()
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("LEAT_SEED"), NumberStyles.None, CultureInfo.InvariantCulture, out var wanted) ? wanted : 1;
        var random = new Random(seed);
        var server = await shared.ServerAsync();
        var database = server.NextDatabase();
        await server.ExecuteAsync($"CREATE DATABASE {database}");
        await using var connection = await server.OpenAsync(database);
        await RunAsync(connection, $"{ExpressionSamples.Create}; {Try}; SET jit = off; SET TimeZone = 'UTC'");
        var rows = Enumerable.Range(0, Rows).Select(_ => ExpressionSamples.Throw(random)).ToArray();
        foreach (var (index, row) in rows.Index())
            await RunAsync(connection, $"INSERT INTO samples VALUES ({index}{row.Values})");

        var dice = new ExpressionDice(random);
        var differences = new List<string>();
        var refused = new Dictionary<string, int>();
        for (var done = 0; done < Expressions; done += Together)
        {
            var expressions = Enumerable.Range(0, Together).Select(_ => dice.Throw(Depth)).ToArray();
            var places = expressions.Select(_ => random.Next(Rows)).ToArray();
            var answers = await AskAsync(connection, expressions, places);
            for (var i = 0; i < Together; i++)
            {
                if (answers[i] is ['!', ..] error)
                    refused[error[1..6]] = refused.GetValueOrDefault(error[1..6]) + 1;
                else if (!Agree(expressions[i], Compute(expressions[i].Leat, rows[places[i]]), answers[i]))
                    differences.Add(await DescribeAsync(connection, expressions[i], places[i], rows[places[i]], seed));
            }

            if (differences.Count >= MostDifferences)
                break;
        }

        Assert.True(differences.Count == 0, string.Join("\n\n", differences.Take(MostDifferences)));

        var kinds = string.Join(", ", refused.Select(one => $"{one.Key} {one.Value}"));
        Assert.True(refused.Values.Sum() < Expressions * MostRefused, $"PostgreSQL refused too many to tell: {kinds}");
        Assert.DoesNotContain(refused.Keys, state => state.StartsWith("42", StringComparison.Ordinal));
    }

    private static async Task<string?[]> AskAsync(NpgsqlConnection connection, TypedExpression[] expressions, int[] rows)
    {
        await using var command = new NpgsqlCommand("SELECT try(e, r) FROM unnest($1::text[], $2::int[]) WITH ORDINALITY AS asked(e, r, n) ORDER BY n", connection);
        command.Parameters.Add(new() { Value = expressions.Select(one => one.Printed).ToArray() });
        command.Parameters.Add(new() { Value = rows });
        await using var reader = await command.ExecuteReaderAsync();
        var answers = new List<string?>();
        while (await reader.ReadAsync())
            answers.Add(reader.IsDBNull(0) ? null : reader.GetString(0));
        return [.. answers];
    }

    // The smallest part on which both differ.
    private static async Task<string> DescribeAsync(NpgsqlConnection connection, TypedExpression whole, int place, ExpressionSamples row, int seed)
    {
        var smallest = whole;
        for (var isSmaller = true; isSmaller;)
        {
            isSmaller = false;
            foreach (var part in smallest.Parts)
            {
                var answer = (await AskAsync(connection, [part], [place]))[0];
                if (answer is not ['!', ..] && !Agree(part, Compute(part.Leat, row), answer))
                {
                    (smallest, isSmaller) = (part, true);
                    break;
                }
            }
        }

        var told = (await AskAsync(connection, [smallest], [place]))[0];
        return $"""
            Seed {seed}, row {place}: (id{row.Values})
            Leat        {smallest.Leat}
                     -> {Compute(smallest.Leat, row) ?? "NULL"}
            PostgreSQL  {smallest.Printed}
                     -> {told ?? "NULL"}
            inside      {whole.Leat}
            """;
    }

    private static string? Compute(string expression, ExpressionSamples row)
    {
        RowExpression compiled;
        try
        {
            compiled = Expression.Parse(expression).Compile(ExpressionSamples.Schema);
        }
        catch (ExpressionException error)
        {
            return $"refused: {error.Message}";
        }

        var builder = new RowBuilder();
        builder.Begin(1);
        compiled.Append(row.Row, builder);
        var reader = new RowReader(new(new("t", "t"), [compiled.Result with { Name = "r" }], []), builder.Row);
        reader.Read();
        return ValueText.Of(ref reader);
    }

    // Numbers by value; dates without the zeros that a fraction may end with.
    private static bool Agree(TypedExpression expression, string? ours, string? theirs)
    {
        if (ours is null || theirs is null)
            return ours == theirs;
        return expression.Sort switch
        {
            Sort.Real => double.TryParse(ours, NumberStyles.Float, CultureInfo.InvariantCulture, out var a) && double.TryParse(theirs, NumberStyles.Float, CultureInfo.InvariantCulture, out var b) && a == b,
            Sort.Exact or Sort.Moment => Trimmed(ours) == Trimmed(theirs),
            _ => ours == theirs,
        };
    }

    private static string Trimmed(string text) => text.Contains('.', StringComparison.Ordinal) ? text.TrimEnd('0').TrimEnd('.') is "-0" ? "0" : text.TrimEnd('0').TrimEnd('.') : text;

    private static async Task RunAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
