using Leat.Connectors.Elasticsearch;
using Leat.Connectors.JsonLines;
using Leat.Connectors.MySql;
using Leat.Connectors.PostgreSql;
using Leat.Connectors.Redis;
using Leat.Connectors.Simulator;
using Leat.Pipeline.Definitions;

namespace Leat;

/// <summary>The connectors that this program is built with. The only place outside their own folders that names them.</summary>
public static class ConnectorList
{
    /// <summary>Every kind of source and sink.</summary>
    public static ConnectorCatalog Catalog { get; } = new(
        Sources: [MySqlSource.Kind, SimulatorSource.Kind],
        Sinks: [ElasticsearchSink.Kind, RedisSink.Kind, MySqlSink.Kind, PostgreSqlSink.Kind, JsonLinesSink.Kind]);
}
