Console.WriteLine("usage: Leat.Bench NAME");
