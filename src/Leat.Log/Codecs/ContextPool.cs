using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace Leat.Log.Codecs;

/// <summary>Keeps contexts of a native library for the next user; as many as can be in use at once, so that memory stays bounded.</summary>
internal sealed class ContextPool<T>(Func<T> make)
    where T : SafeHandle
{
    private readonly ConcurrentBag<T> _idle = [];

    public T Take() => _idle.TryTake(out var context) ? context : make();

    /// <summary>For the next user; contexts beyond one a processor are freed.</summary>
    public void Give(T context)
    {
        if (_idle.Count < Environment.ProcessorCount)
            _idle.Add(context);
        else
            context.Dispose();
    }
}
