using System.Collections.Immutable;

namespace Leat.Pipeline.Shaping;

/// <summary>Some real rows of a pipeline, as the source has them and as they would be delivered.</summary>
/// <param name="Alias">The table's name in the pipeline, or that of the documents' root.</param>
/// <param name="IsDocument">Whether rows become documents; otherwise each is delivered by itself.</param>
/// <param name="Rows">What would be delivered.</param>
/// <param name="RowsRead">Rows of the table, or of the root, that were looked at.</param>
/// <param name="NotDelivered">Those of them that the target would not hold.</param>
/// <param name="IsAll">Whether the table has no more rows.</param>
public sealed record PreviewPart(string Alias, bool IsDocument, ImmutableArray<PreviewedRow> Rows, long RowsRead, long NotDelivered, bool IsAll);

/// <summary>A row or document before and after.</summary>
/// <param name="Key">The key's values, joined by colons.</param>
/// <param name="Before">The rows that it is made of, the root's first; empty for a group, which is made of many.</param>
/// <param name="After">What would be delivered, as JSON.</param>
public sealed record PreviewedRow(string Key, ImmutableArray<SourceRowText> Before, string After);

/// <summary>A row as the source has it.</summary>
/// <param name="Alias">Its table's name in the pipeline.</param>
/// <param name="Json">All its columns, as a JSON object.</param>
public sealed record SourceRowText(string Alias, string Json);

/// <summary>How far a preview is.</summary>
/// <param name="Alias">The table being read.</param>
/// <param name="Rows">Rows of it that were read so far.</param>
public sealed record PreviewProgress(string Alias, long Rows);
