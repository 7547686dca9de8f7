using Npgsql.Internal;
using Npgsql.Internal.Postgres;

#pragma warning disable NPG9001 // Npgsql marks how it writes values of a caller's own types as subject to change; the package's version is pinned.

namespace Leat.Connectors.PostgreSql.Wire;

/// <summary>A parameter's value that is in the server's binary form already, so that no object is made for a row.</summary>
/// <param name="Bytes">The value without its length.</param>
internal readonly record struct RawParameter(ReadOnlyMemory<byte> Bytes);

/// <summary>Teaches Npgsql to pass <see cref="RawParameter"/> on as it is, under whatever type the parameter names.</summary>
internal sealed class RawParameterFactory : PgTypeInfoResolverFactory
{
    public override IPgTypeInfoResolver CreateResolver() => new Resolver();

    public override IPgTypeInfoResolver? CreateArrayResolver() => null;

    private sealed class Resolver : IPgTypeInfoResolver
    {
        public PgTypeInfo? GetTypeInfo(Type? type, DataTypeName? dataTypeName, PgSerializerOptions options) =>
            type == typeof(RawParameter) && dataTypeName is { } name ? new(options, new Converter(), new PgTypeId(name)) : null;
    }

    private sealed class Converter : PgStreamingConverter<RawParameter>
    {
        public override RawParameter Read(PgReader reader) => throw new NotSupportedException("values are only written as they are");

        public override ValueTask<RawParameter> ReadAsync(PgReader reader, CancellationToken cancellationToken = default) => new(Read(reader));

        public override Size GetSize(SizeContext context, RawParameter value, ref object? writeState) => value.Bytes.Length;

        public override void Write(PgWriter writer, RawParameter value) => writer.WriteBytes(value.Bytes.Span);

        public override ValueTask WriteAsync(PgWriter writer, RawParameter value, CancellationToken cancellationToken = default) =>
            writer.WriteBytesAsync(value.Bytes, cancellationToken);
    }
}
