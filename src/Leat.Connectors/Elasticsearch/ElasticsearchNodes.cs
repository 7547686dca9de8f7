namespace Leat.Connectors.Elasticsearch;

/// <summary>The nodes in turn, without those that failed a moment ago. Used by all lanes at once.</summary>
internal sealed class ElasticsearchNodes(IReadOnlyList<Uri> urls, TimeProvider time)
{
    /// <summary>For so long a node that failed is passed over, as long as another is left.</summary>
    internal static readonly TimeSpan Rest = TimeSpan.FromSeconds(10);

    private readonly long[] _failedAt = new long[urls.Count];
    private readonly bool[] _isDown = new bool[urls.Count];
    private readonly Lock _gate = new();
    private int _next;

    /// <summary>How many there are.</summary>
    public int Count => urls.Count;

    /// <summary>A node's address.</summary>
    public Uri this[int node] => urls[node];

    /// <summary>The next node that works; when none does, the one that failed first.</summary>
    public int Take()
    {
        lock (_gate)
        {
            var oldest = -1;
            for (var i = 0; i < urls.Count; i++)
            {
                var node = (_next + i) % urls.Count;
                if (!_isDown[node] || time.GetElapsedTime(_failedAt[node]) >= Rest)
                {
                    _next = (node + 1) % urls.Count;
                    return node;
                }

                if (oldest < 0 || _failedAt[node] < _failedAt[oldest])
                    oldest = node;
            }

            return oldest;
        }
    }

    /// <summary>Notes that a node answered; true when it had failed before.</summary>
    public bool Works(int node)
    {
        lock (_gate)
        {
            var wasDown = _isDown[node];
            _isDown[node] = false;
            return wasDown;
        }
    }

    /// <summary>Notes that a node failed; true when it worked before.</summary>
    public bool Failed(int node)
    {
        lock (_gate)
        {
            var worked = !_isDown[node];
            _isDown[node] = true;
            _failedAt[node] = time.GetTimestamp();
            return worked;
        }
    }
}
