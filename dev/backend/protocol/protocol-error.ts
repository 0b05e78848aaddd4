/** The client broke the protocol: it is told so, and stops for good. */
export class ProtocolError extends Error {
  readonly code = "PROTOCOL_ERROR";
}
