using System.Collections.Immutable;
using System.Text.Json;
using Leat.Changes;
using Leat.Pipeline;
using Microsoft.AspNetCore.Http;

namespace Leat.Server;

/// <summary><c>/api/v1/sources/NAME/snapshots</c>: POST has tables read again, DELETE gives that up.</summary>
/// <remarks>A POST must be <c>application/json</c>, which no page of another origin can send without being asked first, and it would be refused.</remarks>
internal static class SnapshotEndpoint
{
    private const string Front = "/api/v1/sources/";
    private const string Back = "/snapshots";

    /// <summary>Largest body of a request, in bytes.</summary>
    public const int MaxBodyBytes = 64 * 1024;

    /// <summary>The source that a path names; <see langword="null"/> for any other path.</summary>
    public static string? SourceOf(PathString path)
    {
        var text = path.Value ?? "";
        return text.StartsWith(Front, StringComparison.Ordinal) && text.EndsWith(Back, StringComparison.Ordinal) && text.Length > Front.Length + Back.Length
            ? text[Front.Length..^Back.Length]
            : null;
    }

    /// <summary>Answers a request.</summary>
    public static async Task AnswerAsync(HttpContext context, string source, ISnapshotControl control)
    {
        try
        {
            if (HttpMethods.IsPost(context.Request.Method))
                await StartAsync(context, source, control);
            else if (HttpMethods.IsDelete(context.Request.Method))
                await CancelAsync(context, source, control);
            else
                await RefuseAsync(context);
        }
        catch (LeatException problem)
        {
            await StatusServer.WriteAsync(context, StatusCodes.Status409Conflict, new(problem.Message), StatusJson.Api.RequestError);
        }
    }

    private static Task RefuseAsync(HttpContext context)
    {
        context.Response.Headers.Allow = "POST, DELETE";
        return StatusServer.WriteAsync(context, StatusCodes.Status405MethodNotAllowed, new("Only POST and DELETE are served."), StatusJson.Api.RequestError);
    }

    private static async Task StartAsync(HttpContext context, string source, ISnapshotControl control)
    {
        ImmutableArray<TableName> tables = [];
        if (await ReadAsync(context) is not { } order || (order.Tables is not [SnapshotOrder.All] && (!TryRead(order.Tables, out tables) || tables.IsEmpty)))
        {
            await StatusServer.WriteAsync(
                context, StatusCodes.Status400BadRequest,
                new("""The body has to be application/json such as {"tables":["shop.orders"],"where":"id > 100"}, where "where" may be left out; ["*"] are all tables."""), StatusJson.Api.RequestError);
            return;
        }

        var asked = await control.RequestSnapshotAsync(source, new(tables, string.IsNullOrWhiteSpace(order.Where) ? null : order.Where), context.RequestAborted);
        await StatusServer.WriteAsync(context, StatusCodes.Status202Accepted, new(source, [.. asked.Select(table => table.ToString())]), StatusJson.Api.SnapshotAnswer);
    }

    private static async Task CancelAsync(HttpContext context, string source, ISnapshotControl control)
    {
        ImmutableArray<string> names = [.. context.Request.Query["table"].OfType<string>()];
        if (!TryRead(names, out var tables))
        {
            await StatusServer.WriteAsync(
                context, StatusCodes.Status400BadRequest, new("Tables are named such as ?table=shop.orders."), StatusJson.Api.RequestError);
            return;
        }

        var cancelled = await control.CancelSnapshotAsync(source, tables, context.RequestAborted);
        await StatusServer.WriteAsync(context, StatusCodes.Status200OK, new(source, [.. cancelled.Select(table => table.ToString())]), StatusJson.Api.SnapshotAnswer);
    }

    private static async ValueTask<SnapshotOrder?> ReadAsync(HttpContext context)
    {
        if (!context.Request.HasJsonContentType())
            return null;
        try
        {
            var order = await JsonSerializer.DeserializeAsync(context.Request.Body, StatusJson.Api.SnapshotOrder, context.RequestAborted);
            return order is { Tables.IsDefault: false } ? order : null;
        }
        catch (JsonException)
        {
            return null; // the answer says what would be understood
        }
    }

    private static bool TryRead(ImmutableArray<string> names, out ImmutableArray<TableName> tables)
    {
        var read = ImmutableArray.CreateBuilder<TableName>(names.Length);
        foreach (var name in names)
        {
            if (TableName.TryParse(name, out var table))
                read.Add(table);
        }

        tables = read.ToImmutable();
        return tables.Length == names.Length;
    }
}
