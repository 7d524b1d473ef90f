package explore

// Worlds are the largest that take minutes.
var Worlds = []Config{
	{Sentinels: 1, Masters: 2, Epochs: 3, Quorum: 1, DiskFaults: true},
	{Sentinels: 3, Masters: 1, Epochs: 1, Quorum: 2, Expiry: true, DiskFaults: true},
	{Sentinels: 3, Masters: 1, Epochs: 2, Quorum: 1},
	{Sentinels: 3, Masters: 1, Epochs: 3, Quorum: 1, Voters: 2, Meddling: true},
	{Sentinels: 3, Masters: 1, Epochs: 3, Quorum: 1, NoCrashes: true},
	{Sentinels: 3, Masters: 2, Epochs: 1, Quorum: 1},
	{Sentinels: 4, Masters: 1, Epochs: 1, Quorum: 1},
	{Sentinels: 4, Masters: 1, Epochs: 2, Quorum: 1, Voters: 2},
	{Sentinels: 3, Masters: 2, Epochs: 1, Quorum: 1, Alone: true},
	{Sentinels: 3, Masters: 1, Epochs: 3, Quorum: 1, Alone: true, Others: true},
	{Sentinels: 4, Masters: 1, Epochs: 3, Quorum: 1, Alone: true, Others: true},
	{Sentinels: 3, Masters: 1, Epochs: 2, Quorum: 2, Alone: true, Others: true, Expiry: true, DiskFaults: true},
}

// StockWorld is where stock Sentinels elect two leaders.
var StockWorld = Config{Sentinels: 3, Masters: 1, Epochs: 2, Quorum: 1, MixedEpochs: true}
