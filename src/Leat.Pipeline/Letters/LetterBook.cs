using System.Globalization;
using System.Text.Json;

namespace Leat.Pipeline.Letters;

/// <summary>All letters of a pipeline, as the records of its dead-letter stream tell them, applied in their order. Used by one thread at a time.</summary>
/// <param name="openOnly">Keep what is open and leave out all words: for delivery, which looks up keys.</param>
public sealed class LetterBook(bool openOnly = false)
{
    private readonly Dictionary<long, Letter> _letters = [];

    // The newest of each key; the others follow it. There may be a million, each the only one of its key.
    private readonly Dictionary<ulong, Letter> _openByKey = [];
    private readonly SortedSet<(long Version, long Id)> _requested = [];

    /// <summary>The letters by number.</summary>
    public IReadOnlyCollection<Letter> Letters => [.. _letters.Values.OrderBy(letter => letter.Id)];

    /// <summary>How many are open.</summary>
    public int Open { get; private set; }

    /// <summary>Whether a replay was asked for that has no outcome yet.</summary>
    public bool HasRequests => _requested.Count > 0;

    /// <summary>The letter with this number, or <see langword="null"/>.</summary>
    public Letter? Find(long id) => _letters.GetValueOrDefault(id);

    /// <summary>The change as captured in the record of a letter: docs/formats/change.md.</summary>
    /// <param name="value">The record's value.</param>
    /// <exception cref="InvalidDataException">Not such a record.</exception>
    public static ReadOnlySpan<byte> ChangeOf(ReadOnlySpan<byte> value) => LetterRecord.ChangeOf(value);

    /// <summary>The row that was sent, as JSON; <see langword="null"/> for deletes, large rows and letters of earlier versions.</summary>
    public static string? RowOf(ReadOnlySpan<byte> value)
    {
        using var header = LetterRecord.Parse(value);
        return header.RootElement.TryGetProperty("row", out var row) ? row.GetRawText() : null;
    }

    /// <summary>Columns of the change whose values were replaced by computed ones: they are not shown.</summary>
    public static IReadOnlyList<string> ReplacedOf(ReadOnlySpan<byte> value)
    {
        using var header = LetterRecord.Parse(value);
        return header.RootElement.TryGetProperty("replaced", out var columns) ? [.. columns.EnumerateArray().Select(column => column.GetString() ?? "")] : [];
    }

    /// <summary>Takes in one record.</summary>
    /// <param name="offset">Its offset in the dead-letter stream.</param>
    /// <param name="value">Its value.</param>
    /// <exception cref="InvalidDataException">Not such a record.</exception>
    public void Apply(long offset, ReadOnlySpan<byte> value)
    {
        using var header = LetterRecord.Parse(value);
        try
        {
            Apply(offset, header.RootElement);
        }
        catch (Exception cause) when (cause is KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException($"the dead letter at offset {offset} cannot be read: {cause.Message}", cause);
        }
    }

    /// <summary>Whether a key has open letters.</summary>
    internal bool Concerns(ulong keyHash) => _openByKey.ContainsKey(keyHash);

    /// <summary>The open letter about this very operation.</summary>
    internal Letter? FindOpen(ulong keyHash, long offset) => OpenOf(keyHash).FirstOrDefault(letter => letter.Offset == offset);

    /// <summary>Whether a key has open letters that are older than this version.</summary>
    internal bool HasOlder(ulong keyHash, long version) => OpenOf(keyHash).Any(letter => letter.Version < version);

    /// <summary>Open letters of a key that are older than this version, the oldest first.</summary>
    internal IEnumerable<Letter> OlderOf(ulong keyHash, long version) =>
        OpenOf(keyHash).Where(letter => letter.Version < version).OrderBy(letter => letter.Version);

    /// <summary>Open letters of a table that are older than this version.</summary>
    internal IReadOnlyList<Letter> OlderOf(string alias, long version) =>
        [.. _letters.Values.Where(letter => letter.State == LetterState.Open && letter.Alias == alias && letter.Version < version)];

    /// <summary>Open letters whose replay was asked for, the oldest change first.</summary>
    internal IReadOnlyList<Letter> Requested(int most) => [.. _requested.Take(most).Select(entry => _letters[entry.Id])];

    private static ulong? HashOf(JsonElement record) => record.TryGetProperty("key_hash", out var hash)
        ? ulong.Parse(hash.GetString() ?? "", NumberStyles.HexNumber, CultureInfo.InvariantCulture)
        : null;

    private void Apply(long offset, JsonElement record)
    {
        // Before other records came, all were letters and did not say so.
        switch (record.TryGetProperty("record", out var kind) ? kind.GetString() : LetterRecord.Letter)
        {
            case LetterRecord.Letter:
                Refused(offset, record);
                break;
            case LetterRecord.Outcome:
                Outcome(record);
                break;
            case LetterRecord.Replay:
                foreach (var letter in Named(record))
                    Request(letter);
                break;
            case LetterRecord.End:
                if (_letters.TryGetValue(record.GetProperty("letter").GetInt64(), out var ended) && Enum.TryParse<LetterState>(record.GetProperty("state").GetString(), ignoreCase: true, out var state))
                    Close(ended, state, record, by: null);
                break;
            case LetterRecord.Discard:
                foreach (var letter in Named(record))
                    Close(letter, LetterState.Discarded, record, record.GetProperty("by").GetString());
                break;
            default:
                break; // of a later version
        }
    }

    private List<Letter> Named(JsonElement record) =>
        [.. record.GetProperty("letters").EnumerateArray().Select(id => Find(id.GetInt64())).OfType<Letter>().Where(letter => letter.State == LetterState.Open)];

    private void Refused(long offset, JsonElement record)
    {
        var at = record.GetProperty("refused_at").GetDateTimeOffset();
        var reason = record.GetProperty("reason").GetString() ?? "";
        var isAgain = record.TryGetProperty("letter", out var id);
        var letter = isAgain ? Find(id.GetInt64()) : null;
        if (isAgain && letter is null)
            return; // ended since, and not kept
        if (letter is null)
        {
            letter = new()
            {
                Id = offset,
                Alias = string.Intern(record.GetProperty("alias").GetString() ?? ""),
                Table = string.Intern(record.GetProperty("table").GetString() ?? ""),
                Operation = string.Intern(record.GetProperty("operation").GetString() ?? ""),
                Key = openOnly ? "" : record.GetProperty("key").GetString() ?? "",
                KeyHash = HashOf(record),
                Offset = record.GetProperty("offset").GetInt64(),
                Transaction = openOnly ? "" : record.GetProperty("transaction").GetString() ?? "",
                CommittedAtMicros = record.GetProperty("committed_at_micros").GetInt64(),
                FirstAt = at,
            };
            _letters.Add(offset, letter);
            Open++;
            if (letter.KeyHash is { } hash)
            {
                letter.Next = _openByKey.GetValueOrDefault(hash);
                _openByKey[hash] = letter;
            }
        }

        _requested.Remove((letter.Version, letter.Id));
        letter.IsRequested = false;
        letter.Record = offset;
        letter.Epoch = record.GetProperty("epoch").GetUInt32();
        letter.LastAt = at;
        letter.Attempts++;
        letter.Told = LetterRecord.ToldOf(record);
        if (openOnly)
            return;
        letter.Reason = reason;
        letter.Cause = record.TryGetProperty("cause", out var cause) ? cause.GetString() ?? reason : reason;
    }

    private void Outcome(JsonElement record)
    {
        var version = Letter.VersionOf(record.GetProperty("epoch").GetUInt32(), record.GetProperty("offset").GetInt64());
        var alias = record.GetProperty("alias").GetString();
        var older = HashOf(record) is { } hash
            ? OlderOf(hash, version)
            : OlderOf(alias ?? "", version);
        foreach (var letter in older.ToList())
            Close(letter, LetterState.Superseded, record, by: null);
    }

    private void Request(Letter letter)
    {
        if (letter.KeyHash is null)
            return; // nobody noted what came after it
        letter.IsRequested = true;
        _requested.Add((letter.Version, letter.Id));
    }

    private void Close(Letter letter, LetterState state, JsonElement record, string? by)
    {
        if (letter.State != LetterState.Open)
            return;
        Open--;
        _requested.Remove((letter.Version, letter.Id));
        letter.IsRequested = false;
        letter.State = state;
        letter.EndedAt = record.GetProperty("at").GetDateTimeOffset();
        letter.EndedBy = by;
        if (letter.KeyHash is { } hash)
            Unlink(hash, letter);
        if (openOnly)
            _letters.Remove(letter.Id);
    }

    private void Unlink(ulong hash, Letter letter)
    {
        if (ReferenceEquals(_openByKey.GetValueOrDefault(hash), letter))
        {
            if (letter.Next is { } next)
                _openByKey[hash] = next;
            else
                _openByKey.Remove(hash);
        }
        else if (OpenOf(hash).FirstOrDefault(other => ReferenceEquals(other.Next, letter)) is { } before)
        {
            before.Next = letter.Next;
        }

        letter.Next = null;
    }

    private IEnumerable<Letter> OpenOf(ulong keyHash)
    {
        for (var letter = _openByKey.GetValueOrDefault(keyHash); letter is not null; letter = letter.Next)
            yield return letter;
    }
}
