import type { JSONValue } from "convex/values";

/**
 * The sync protocol as convex 1.48 speaks it (its own types are in `convex/src/browser/sync/protocol.ts`,
 * not exported). Timestamps travel as base64, arguments and results as Convex JSON.
 */
export type ClientMessage =
  | Connect
  | Authenticate
  | ModifyQuerySet
  | MutationRequest
  | ActionRequest
  | { type: "Event"; eventType: string; event: unknown };

export interface Connect {
  type: "Connect";
  sessionId: string;
  /** The client's clock in milliseconds. */
  clientTs?: number;
}

export type Authenticate = { type: "Authenticate"; baseVersion: number } & (
  { tokenType: "User" | "Admin"; value: string } | { tokenType: "None" }
);

export interface ModifyQuerySet {
  type: "ModifyQuerySet";
  baseVersion: number;
  newVersion: number;
  modifications: QuerySetModification[];
}

export type QuerySetModification = AddQuery | { type: "Remove"; queryId: number };

export interface AddQuery {
  type: "Add";
  queryId: number;
  udfPath: string;
  args: JSONValue[];
  journal?: string | null;
}

export interface MutationRequest {
  type: "Mutation";
  requestId: number;
  udfPath: string;
  args: JSONValue[];
}

export interface ActionRequest extends Omit<MutationRequest, "type"> {
  type: "Action";
}

export type ServerMessage =
  | Transition
  | TransitionChunk
  | MutationResponse
  | ActionResponse
  | { type: "AuthError"; error: string; baseVersion: number; authUpdateAttempted: boolean }
  | { type: "FatalError"; error: string }
  | { type: "Ping" };

export interface StateVersion {
  querySet: number;
  identity: number;
  ts: string;
}

export interface Transition {
  type: "Transition";
  startVersion: StateVersion;
  endVersion: StateVersion;
  modifications: StateModification[];
  clientClockSkew?: number;
  /** Nanoseconds. */
  serverTs: number;
}

export type StateModification =
  | {
      type: "QueryUpdated";
      queryId: number;
      value: JSONValue;
      logLines: string[];
      journal: string | null;
    }
  | {
      type: "QueryFailed";
      queryId: number;
      errorMessage: string;
      errorData?: JSONValue;
      logLines: string[];
      journal: string | null;
    }
  | { type: "QueryRemoved"; queryId: number };

export interface TransitionChunk {
  type: "TransitionChunk";
  chunk: string;
  partNumber: number;
  totalParts: number;
  transitionId: string;
}

export type MutationResponse = {
  type: "MutationResponse";
  requestId: number;
  logLines: string[];
} & MutationAnswer;

/** What is remembered of a mutation, to be repeated when the client asks again. */
export type MutationAnswer = { success: true; result: JSONValue; ts: string } | FailedCall;

export type ActionResponse = {
  type: "ActionResponse";
  requestId: number;
  logLines: string[];
} & ({ success: true; result: JSONValue } | FailedCall);

export interface FailedCall {
  success: false;
  result: string;
  errorData?: JSONValue;
}
