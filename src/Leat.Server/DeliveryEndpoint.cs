using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Leat.Changes;
using Leat.Pipeline;
using Microsoft.AspNetCore.Http;

namespace Leat.Server;

/// <summary><c>/api/v1/pipelines/NAME/redeliver</c>, <c>…/rebuild</c>, <c>…/replay</c> and <c>…/discard</c>: POST, as <c>application/json</c> like <see cref="SnapshotEndpoint"/>'s.</summary>
internal static class DeliveryEndpoint
{
    private const string Front = "/api/v1/pipelines/";

    /// <summary>The pipeline and what is asked of it; <see langword="null"/> for any other path.</summary>
    public static (string Pipeline, string Verb)? PlaceOf(PathString path)
    {
        var text = path.Value ?? "";
        var slash = text.LastIndexOf('/');
        return text.StartsWith(Front, StringComparison.Ordinal) && slash > Front.Length && text[(slash + 1)..] is "redeliver" or "rebuild" or "replay" or "discard"
            ? (text[Front.Length..slash], text[(slash + 1)..])
            : null;
    }

    /// <summary>Answers a request.</summary>
    public static async Task AnswerAsync(HttpContext context, (string Pipeline, string Verb) place, IDeliveryControl control)
    {
        if (!HttpMethods.IsPost(context.Request.Method))
        {
            context.Response.Headers.Allow = "POST";
            await StatusServer.WriteAsync(context, StatusCodes.Status405MethodNotAllowed, new("Only POST is served."), StatusJson.Api.RequestError);
            return;
        }

        try
        {
            await (place.Verb is "redeliver" or "rebuild" ? RedeliverAsync(context, place, control) : LettersAsync(context, place, control));
        }
        catch (LeatException problem)
        {
            await StatusServer.WriteAsync(context, StatusCodes.Status409Conflict, new(problem.Message), StatusJson.Api.RequestError);
        }
    }

    private static async Task RedeliverAsync(HttpContext context, (string Pipeline, string Verb) place, IDeliveryControl control)
    {
        if (await ReadAsync(context, StatusJson.Api.RedeliveryOrder) is not { } order)
        {
            await RefuseAsync(context, """{"reread":false}""");
            return;
        }

        var answer = place.Verb == "rebuild"
            ? await control.RebuildAsync(place.Pipeline, order.Reread, context.RequestAborted)
            : await control.RedeliverAsync(place.Pipeline, order.Reread, context.RequestAborted);
        await StatusServer.WriteAsync(context, StatusCodes.Status202Accepted, answer, StatusJson.Api.Redelivery);
    }

    private static async Task LettersAsync(HttpContext context, (string Pipeline, string Verb) place, IDeliveryControl control)
    {
        if (await ReadAsync(context, StatusJson.Api.LetterOrder) is not { Letters.IsDefaultOrEmpty: false, By: not null } order)
        {
            await RefuseAsync(context, """{"letters":[17,18],"by":"ann"}""");
            return;
        }

        var taken = place.Verb == "replay"
            ? await control.ReplayAsync(place.Pipeline, order.Letters, order.By, context.RequestAborted)
            : await control.DiscardAsync(place.Pipeline, order.Letters, order.By, context.RequestAborted);
        await StatusServer.WriteAsync(context, StatusCodes.Status202Accepted, new(place.Pipeline, taken), StatusJson.Api.LetterAnswer);
    }

    private static Task RefuseAsync(HttpContext context, string example) => StatusServer.WriteAsync(
        context, StatusCodes.Status400BadRequest, new($"The body has to be application/json such as {example}."), StatusJson.Api.RequestError);

    private static async ValueTask<T?> ReadAsync<T>(HttpContext context, JsonTypeInfo<T> shape)
        where T : class
    {
        if (!context.Request.HasJsonContentType())
            return null;
        try
        {
            return await JsonSerializer.DeserializeAsync(context.Request.Body, shape, context.RequestAborted);
        }
        catch (JsonException)
        {
            return null; // the answer says what would be understood
        }
    }
}
