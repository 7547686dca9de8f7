using System.Text.Json;

namespace Leat.Connectors.Elasticsearch.Wire;

/// <summary>The answer to one action.</summary>
/// <param name="Status">HTTP status of the item.</param>
/// <param name="Type">The error's type; <see langword="null"/> when there was none.</param>
/// <param name="Reason">Its reason, followed by the innermost one behind it.</param>
internal readonly record struct BulkItem(int Status, string? Type, string? Reason);

/// <summary>A body that is not the answer to a <c>_bulk</c> request.</summary>
internal sealed class BulkFormatException(string message, Exception? cause = null) : Exception(message, cause);

/// <summary>Reads the items of a <c>_bulk</c> answer one by one, in the request's order. Allocates for items with errors only.</summary>
/// <remarks>
/// <code>{"took":3,"errors":true,"items":[{"index":{"_index":"orders","_id":"1","status":201}},{"delete":{"status":404,"error":{"type":…,"reason":…}}}]}</code>
/// Source: the servers' manual, "Bulk API". Members that are not needed may be missing (<c>filter_path</c>), others may be there.
/// </remarks>
internal ref struct BulkReader
{
    private Utf8JsonReader _json;

    /// <summary>Moves to the first item.</summary>
    /// <exception cref="BulkFormatException">There is no list of items.</exception>
    public BulkReader(ReadOnlySpan<byte> body)
    {
        _json = new(body);
        try
        {
            if (!_json.Read() || _json.TokenType != JsonTokenType.StartObject)
                throw new BulkFormatException("the body is no JSON object");
            while (_json.Read() && _json.TokenType == JsonTokenType.PropertyName)
            {
                var isItems = _json.ValueTextEquals("items"u8);
                _json.Read();
                if (isItems && _json.TokenType == JsonTokenType.StartArray)
                    return;
                _json.Skip();
            }
        }
        catch (JsonException cause)
        {
            throw new BulkFormatException("the body is not JSON", cause);
        }

        throw new BulkFormatException("the body has no items");
    }

    /// <summary>Reads the next item; false after the last.</summary>
    /// <exception cref="BulkFormatException">It is cut off or not an item.</exception>
    public bool TryRead(out BulkItem item)
    {
        item = default;
        try
        {
            if (!_json.Read())
                throw new BulkFormatException("the body is cut off");
            if (_json.TokenType == JsonTokenType.EndArray)
            {
                ReadEnd();
                return false;
            }

            Expect(JsonTokenType.StartObject);
            ReadOf(JsonTokenType.PropertyName); // the action's name
            ReadOf(JsonTokenType.StartObject);
            item = ReadMembers();
            ReadOf(JsonTokenType.EndObject);
            return true;
        }
        catch (JsonException cause)
        {
            throw new BulkFormatException("the body is cut off or not JSON", cause);
        }
    }

    private BulkItem ReadMembers()
    {
        var status = 0;
        string? type = null;
        string? reason = null;
        while (_json.Read() && _json.TokenType == JsonTokenType.PropertyName)
        {
            if (_json.ValueTextEquals("status"u8))
            {
                ReadOf(JsonTokenType.Number);
                status = _json.TryGetInt32(out var number) ? number : 0;
            }
            else if (_json.ValueTextEquals("error"u8))
            {
                _json.Read();
                (type, reason) = ReadError();
            }
            else
            {
                _json.Read();
                _json.Skip();
            }
        }

        return status != 0 ? new(status, type, reason) : throw new BulkFormatException("an item has no status");
    }

    // Old servers tell an error as one text.
    private (string Type, string? Reason) ReadError()
    {
        if (_json.TokenType == JsonTokenType.String)
            return ("", _json.GetString());
        Expect(JsonTokenType.StartObject);
        return ErrorText.Read(ref _json);
    }

    // What follows the items has to be whole as well: an answer that is cut off proves nothing.
    private void ReadEnd()
    {
        while (_json.Read())
        {
            if (_json.CurrentDepth == 0)
                return;
        }

        throw new BulkFormatException("the body is cut off");
    }

    private void ReadOf(JsonTokenType type)
    {
        _json.Read();
        Expect(type);
    }

    private readonly void Expect(JsonTokenType type)
    {
        if (_json.TokenType != type)
            throw new BulkFormatException("the items are not those of a _bulk answer");
    }
}
