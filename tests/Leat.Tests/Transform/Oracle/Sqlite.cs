using System.Runtime.InteropServices;
using Xunit;

namespace Leat.Tests.Transform.Oracle;

/// <summary>A database in memory by the system's SQLite (package libsqlite3-0): the judge of what a query gives. For tests only.</summary>
/// <remarks>Source: the C interface of SQLite, https://www.sqlite.org/c3ref/funclist.html.</remarks>
internal sealed partial class Sqlite : IDisposable
{
    private const string Library = "libsqlite3.so.0";
    private const int Ok = 0;
    private const int Row = 100;
    private const int Done = 101;

    private nint _database;

    public Sqlite()
    {
        var isInstalled = NativeLibrary.TryLoad(Library, out _);
        if (Environment.GetEnvironmentVariable("CI") == "true")
            Assert.True(isInstalled, $"{Library} is not installed");
        Assert.SkipUnless(isInstalled, $"{Library} is not installed");
        Check(Open(":memory:", out _database));
    }

    /// <summary>Runs one statement.</summary>
    public void Run(string sql) => Query(sql);

    /// <summary>Runs one statement, and returns its rows as text.</summary>
    public List<string?[]> Query(string sql)
    {
        Check(Prepare(_database, sql, -1, out var statement, 0));
        var rows = new List<string?[]>();
        int result;
        while ((result = Step(statement)) == Row)
        {
            var row = new string?[ColumnCount(statement)];
            for (var i = 0; i < row.Length; i++)
                row[i] = Marshal.PtrToStringUTF8(ColumnText(statement, i));
            rows.Add(row);
        }

        Check(result == Done ? Ok : result, sql);
        Check(Finalize(statement));
        return rows;
    }

    public void Dispose()
    {
        if (_database != 0)
            Check(Close(_database));
        _database = 0;
    }

    private void Check(int result, string sql = "")
    {
        if (result != Ok)
            throw new InvalidOperationException($"SQLite: {Marshal.PtrToStringUTF8(Message(_database))} ({result}) {sql}");
    }

    [LibraryImport(Library, EntryPoint = "sqlite3_open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string file, out nint database);

    [LibraryImport(Library, EntryPoint = "sqlite3_close")]
    private static partial int Close(nint database);

    [LibraryImport(Library, EntryPoint = "sqlite3_prepare_v2", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Prepare(nint database, string sql, int bytes, out nint statement, nint tail);

    [LibraryImport(Library, EntryPoint = "sqlite3_step")]
    private static partial int Step(nint statement);

    [LibraryImport(Library, EntryPoint = "sqlite3_column_count")]
    private static partial int ColumnCount(nint statement);

    [LibraryImport(Library, EntryPoint = "sqlite3_column_text")]
    private static partial nint ColumnText(nint statement, int column);

    [LibraryImport(Library, EntryPoint = "sqlite3_finalize")]
    private static partial int Finalize(nint statement);

    [LibraryImport(Library, EntryPoint = "sqlite3_errmsg")]
    private static partial nint Message(nint database);
}
