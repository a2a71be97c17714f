//! Content that only its receiver can read: Noise (<https://noiseprotocol.org/noise.html>), the one-way pattern X.
