// Package speed measures how much faster than real time the simulator plays.
package speed
