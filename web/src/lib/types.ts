// What the node's API answers: only the fields that are used here. docs/api.md describes them.
export type Precedence = 'FLASH' | 'IMMEDIATE' | 'PRIORITY' | 'ROUTINE';
export const PRECEDENCES: Precedence[] = ['FLASH', 'IMMEDIATE', 'PRIORITY', 'ROUTINE'];
export const LETTER: Record<Precedence, string> = { FLASH: 'Z', IMMEDIATE: 'O', PRIORITY: 'P', ROUTINE: 'R' };
export const CLASSIFICATIONS = ['UNCLASSIFIED', 'RESTRICTED', 'CONFIDENTIAL', 'SECRET', 'TOP SECRET'] as const;
export type Classification = (typeof CLASSIFICATIONS)[number];
export const TLPS = ['TLP:CLEAR', 'TLP:GREEN', 'TLP:AMBER', 'TLP:AMBER+STRICT', 'TLP:RED'] as const;
export const HANDLING = ['ORCON', 'H0', 'H1', 'H2', 'H3'] as const;
export type Scope = 'read' | 'share' | 'audit' | 'admin';

export interface Session {
  name: string;
  token_id: string;
  scopes: Scope[];
  clearance: Classification;
  member: string;
  ends?: string;
  idle_s?: number;
}
export interface Member {
  id: string;
  name: string;
  fingerprint: string;
}
export interface Community {
  id: string;
  name: string;
  epoch: number;
  head_digest: string;
  chair: string;
  self: string;
  realm: string;
  members: Member[];
  instruments: { kind: string; version: number; title: string; sha256: string }[];
}
export interface Marking {
  banner: string;
  classification: Classification;
  rel_to: string[];
  tlp: string;
  handling: string[];
  purpose?: string;
  expires?: string;
  realm: string;
}
export interface Item {
  id: string;
  originator: string;
  precedence: Precedence;
  marking: Marking | null;
  title: string;
  media_type: string;
  created: string;
  received: string;
  objects: number;
  quarantined: number;
  rejected: number;
  seq?: number;
  state: 'active' | 'retracted' | 'recalled' | 'removed' | 'erased';
  operation?: { kind: string; at: string; reason: string };
  refused?: { index: number; verdict: string; code: string; pointer: string; reason: string }[];
}
export interface StixObject {
  type: string;
  id: string;
  name?: string;
  created?: string;
  modified?: string;
  description?: string;
  labels?: string[];
  confidence?: number;
  [field: string]: unknown;
}
export interface Bundle {
  type: 'bundle';
  id: string;
  objects: StixObject[];
}
export interface Lane {
  precedence: Precedence;
  queued: number;
  acknowledged: number;
  received: number;
  problem?: string;
}
export interface Link {
  peer: string;
  address: string;
  state: 'linked' | 'reachable' | 'unreachable';
  waiting: number;
  waiting_bytes: number;
  oldest_waiting?: string;
  sent: number;
  received: number;
  quarantined: number;
  refusals: { item: string; precedence: Precedence; code: string; at: string }[];
  cosigned_size: number;
  last_contact?: string;
  current_to?: string;
  not_here_yet: number;
  next_try?: string;
  failures: number;
  last_error?: string;
  lanes: Lane[];
  equivocations?: number;
}
export interface Refusal {
  member?: string;
  code: string;
  reason: string;
}
export interface Preview {
  recipients: string[];
  refusals: Refusal[];
  banner: string;
  body_bytes: number;
  report?: { accepted: number; quarantined: number; rejected: number; refused: { code: string; pointer: string; reason: string }[] };
}
export interface TokenInfo {
  id: string;
  name: string;
  scopes: Scope[];
  clearance: Classification;
  created: string;
  expires?: string;
}
