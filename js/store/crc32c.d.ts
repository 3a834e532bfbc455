declare module "crc-32/crc32c.js" {
  /** CRC-32C (Castagnoli), as a signed number of 32 bits. */
  const CRC32C: { buf(data: Uint8Array, seed?: number): number };
  export default CRC32C;
}
