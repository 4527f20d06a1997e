// The shapes that the app's modules hand one another; read by tsc only.

/** Where the phone believes itself to be, in WGS-84 degrees, as the browser gives it. */
export interface Place {
  latitude: number;
  longitude: number;
  accuracy_m: number;
  /** When the fix was made, in milliseconds since 1970 by this phone's clock. */
  fixed_at_ms: number;
  /** The fix is older than a minute: the phone had it from before. */
  cached: boolean;
  /** The fix is accurate to no better than 100 m. */
  coarse: boolean;
}

export interface Pin {
  latitude: number;
  longitude: number;
}

export interface Photo {
  id: string;
  /** Lower-case hex of the bytes as they lie on this phone; empty where the browser can't sum. */
  sha256: string;
  size_bytes: number;
  type: string;
  name: string;
  taken_at: string;
  /** Where the server keeps what has arrived of it, once there is something. */
  upload_url: string;
  sent_bytes: number;
  /** What the rider brushed over; a draft of an older version has none. */
  mask?: Stroke[];
}

/** A line of the round brush on the photo as it is seen upright, as the server takes it. */
export interface Stroke {
  /** Of the longer edge. */
  width: number;
  /** Fractions of width and height from the upper left; one alone is a dab. */
  points: [number, number][];
}

/** What keeps a tip from being sent, with the server's sentence where it said one. */
export interface Problem {
  kind: "sign-in" | "refused" | "place";
  code: string;
  detail: string;
}

export interface ServerStatus {
  code: string;
  text: string;
  due_on: string;
  answered: boolean;
  /** Something can be added to it; an answer kept by an older version does not say. */
  can_add?: boolean;
  checked_at_ms: number;
}

/** A shop to visit: open to be taken, or the rider's own. */
export interface Visit {
  id: string;
  name: string;
  address: string;
  state: string;
  text: string;
  mine: boolean;
  at_the_shop: boolean | null;
}

/** A campaign that the rider was asked to. */
export interface Campaign {
  id: string;
  name: string;
  purpose: string;
  unit: string;
  starts_on: string;
  ends_on: string;
  accepted: boolean | null;
  over: boolean;
  waits_for_others: boolean;
  tasks: Visit[];
}

export type State = "draft" | "waiting" | "sending" | "received" | "answered";

export interface Tip {
  /** Also the Idempotency-Key. */
  id: string;
  state: State;
  /** Whose tip it is to be: a signed-in rider's, or nobody's. */
  as: "rider" | "anonymous";
  /** The account of the rider who was signed in, by which the phone knows it again. */
  account: string;
  /** The rider wants it to be nobody's though they are signed in. */
  unnamed: boolean;
  created_at_ms: number;
  /** When its first photo was added, in milliseconds since 1970. */
  begun_ms: number;
  categories: string[];
  place: Place | null;
  /** It was sent off while the phone was still looking for its place. */
  awaits_place: boolean;
  pin: Pin | null;
  premises_name: string;
  premises_address: string;
  description: string;
  /** The task of a campaign of which it comes; a tip of an older version has none. */
  task?: string;
  photos: Photo[];
  attempts: number;
  /** It was sent off in the rider's name, and no answer said what became of it. */
  may_have_arrived: boolean;
  next_try_ms: number;
  problem: Problem | null;
  /** It could not be written to the phone's storage and lives as long as the page does. */
  unsaved: boolean;
  /** It is no tip of its own but added to this one; a tip of an older version has none. */
  adds_to?: { tip_id: string; number: string; receipt_code: string } | null;
  /** How many additions to it the server has taken from this phone. */
  additions?: number;
  /** This phone is woken when there is news of it. */
  wakes: boolean;
  number: string;
  receipt_code: string;
  received_at: string;
  status: ServerStatus | null;
}

/** What the map of stations draws. */
export interface StationMap {
  place: Pin | null;
  stations: { id: string; name: string; latitude: number | null; longitude: number | null }[];
  chosen: (id: string) => void;
}

declare global {
  /** Set by pin.js once it is loaded. */
  var drawStations: ((ground: HTMLElement, what: StationMap) => { remove(): unknown }) | undefined;
  /** Set by pin.js once it is loaded. */
  var drawPinMap:
    | ((
        ground: HTMLElement,
        what: { place: Place | null; pin: Pin | null; words: string; moved: (pin: Pin) => void },
      ) => { remove(): unknown })
    | undefined;
  // Background Sync (WICG) is not in tsc's own library.
  interface ServiceWorkerRegistration {
    readonly sync?: { register(tag: string): Promise<void> };
  }
  interface SyncEvent extends ExtendableEvent {
    readonly tag: string;
  }
  interface ServiceWorkerGlobalScopeEventMap {
    sync: SyncEvent;
  }
}
