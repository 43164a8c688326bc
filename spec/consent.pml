/* Decision by consent of all: safety of the lock table.
 *
 * The statements that members have signed form one growing set. A member acts at any time on any
 * part of it (delay, loss, reordering and partition are all "has not looked yet"), so an action asks
 * only whether the statements that it needs exist. A dishonest member is one who has signed
 * everything from the beginning: that is the strongest thing it can do, because no rule of an honest
 * member asks for the absence of another's statement. It needs no process.
 *
 * Heads: 0; 1 and 2, which follow it by motion 0 and motion 1; 3..6, which follow those.
 * A member answers a motion in a round (RESPONSE, takes the lock of the round), then, holding the
 * responses of all, signs its adoption (ADOPTION, takes the lock of the head for ever). The
 * certificate is the adoptions of all. ROUND-CHANGE of all opens the next round. Objections and
 * indications are left out: they only keep a member from acting, which "does not act" covers.
 *
 * -DN=3          members of head 0
 * -DBYZ=mask     dishonest members
 * -DR=2          rounds in each head, 1 to 3
 * -DLEVELS=2     heads that are decided upon one after the other
 * -DJOIN=1       motion 0 of head 0 admits member N (-DJBYZ: who is dishonest)
 * -DROLLBACK=k   member k is restored once from a backup and has forgotten what it signed
 *    -DRECOVER   it asks the others, and takes up what they hold (-DWITHHOLD: they keep it back)
 *    -DFREEZE    its key signs nothing any more
 *    -DREKEY     with FREEZE: motion 1 of head 0 replaces its keys; there its root key answers
 * Variants that are known to break:
 * -DONEPHASE     no adoptions: the responses of all in one round are the certificate
 * -DSPLITONLY    with it: asks only whether members who were there go different ways
 * -DABSFREE      "does not participate" takes no lock
 * -DADOPTFREE    the adoption takes no lock of the head
 * -DWITHDRAW     a position can be withdrawn, which releases its lock
 * -DLEAVEFREE    a round change also releases the lock of the head
 * -DEXPEL        motion 0 expels member 1 and motion 1 member 2, each by "all but the one"
 * -DNOACCEPT     a joiner needs no join-accept
 * -DTRACE        prints each action and what everybody could do after it (spin -nSEED)
 */
#ifndef N
#define N 3
#endif
#ifndef BYZ
#define BYZ 0
#endif
#ifndef R
#define R 2
#endif
#ifndef LEVELS
#define LEVELS 1
#endif
#ifndef JOIN
#define JOIN 0
#endif
#ifdef JBYZ
#define BAD(i) (((BYZ >> (i)) & 1) || (i) == N)
#else
#define BAD(i) ((BYZ >> (i)) & 1)
#endif
#ifndef ROLLBACK
#define ROLLBACK 99
#endif

#define T (N + JOIN)                       /* all who may ever be members: 3 or 4 */
#if LEVELS == 1
#define HEADS 1
#else
#define HEADS 3                            /* heads that are decided upon */
#endif
#define MEMBER(h,i) ((i) < N || (h) == 1)  /* the joiner, in the head that it joined by */
#define NEXT(h,m) (2 * (h) + 1 + (m))      /* 0 -> 1, 2; 1 -> 3, 4; 2 -> 5, 6 */

/* What exists. A set of motions is two bits. */
byte resp[HEADS * R * T];
byte adopted[HEADS * T];
bool changed[HEADS * R * T];
bool accepted;                             /* the joiner's word on head 0 */
byte cur[T];                               /* head in force at each member */
#define RX(h,r,i) ((((h) * R) + (r)) * T + (i))
#define AX(h,i) ((h) * T + (i))
#define BIT(m) (1 << (m))

/* What a member remembers: the same, unless somebody is restored. */
#if ROLLBACK != 99 || defined(WITHDRAW) || defined(LEAVEFREE)
byte mresp[HEADS * R * T];
byte madopted[HEADS * T];
bool mchanged[HEADS * R * T];
#define REMEMBER(array, index, value) array[index] = value
#else
#define mresp resp
#define madopted adopted
#define mchanged changed
#define REMEMBER(array, index, value) skip
#endif
bool rolled, frozen;
#ifdef REKEY
/* The seat whose keys are replaced answers by its root key, which knows nothing of what the
   governance key has signed. */
bool rootleft, rootadopt;   /* it has left round 0; it has adopted motion 1 */
bool had_new;    /* it had the new keys when it was restored, and lost them again */
#endif

#define FAV(h,r,m,i) (BAD(i) || !MEMBER(h,i) || (resp[RX(h,r,i)] & BIT(m)))
#define ADO(h,m,i) (BAD(i) || !MEMBER(h,i) || (adopted[AX(h,i)] & BIT(m)))
#define CHG(h,r,i) (BAD(i) || !MEMBER(h,i) || changed[RX(h,r,i)])
#if T == 3
#define ALL(f,a,b) (f(a,b,0) && f(a,b,1) && f(a,b,2))
#define ALLFAV(h,r,m) (FAV(h,r,m,0) && FAV(h,r,m,1) && FAV(h,r,m,2))
#else
#define ALL(f,a,b) (f(a,b,0) && f(a,b,1) && f(a,b,2) && f(a,b,3))
#define ALLFAV(h,r,m) (FAV(h,r,m,0) && FAV(h,r,m,1) && FAV(h,r,m,2) && FAV(h,r,m,3))
#endif

#if JOIN
#define WORD(h,m) ((h) != 0 || (m) != 0 || BAD(N) || accepted)
#else
#define WORD(h,m) true
#endif
#ifdef EXPEL
#define CERT(h,m) (ADO(h,m,0) && ADO(h,m,2 - (m)))
#define HELD(h,r,m) (FAV(h,r,m,0) && FAV(h,r,m,2 - (m)))
#elif defined(ONEPHASE)
#define HELD(h,r,m) ALLFAV(h,r,m)
#if R == 1
#define CERT(h,m) (ALLFAV(h,0,m))
#else
#define CERT(h,m) (ALLFAV(h,0,m) || ALLFAV(h,1,m))
#endif
#else
#ifdef NOACCEPT
#define CERT(h,m) (ALL(ADO,h,m))
#define HELD(h,r,m) ALLFAV(h,r,m)
#else
#define CERT(h,m) (ALL(ADO,h,m) && WORD(h,m))
#define HELD(h,r,m) (ALLFAV(h,r,m) && WORD(h,m))
#endif
#endif

/* A round is open when everybody has left the one before. */
#define OPEN(h,r) ((r) == 0 || ALL(CHG,h,(r) - 1))
#define SIGNS(i) (!(frozen && (i) == ROLLBACK))
#define ACTS(i) (cur[i] < HEADS && MEMBER(cur[i],i) && SIGNS(i))

/* ---- may this member do this now? ------------------------------------------------------------ */
#ifdef ABSFREE
#define LOCKFREE(h,r,i,m) (!(mresp[RX(h,r,i)] & BIT(m)))
#else
#define LOCKFREE(h,r,i,m) (mresp[RX(h,r,i)] == 0)
#endif
#ifdef ADOPTFREE
#define BOUND(h,i,m) false
#define HEADFREE(h,i,m) (!(madopted[AX(h,i)] & BIT(m)))
#else
#define BOUND(h,i,m) (madopted[AX(h,i)] != 0 && madopted[AX(h,i)] != BIT(m))
#define HEADFREE(h,i,m) (madopted[AX(h,i)] == 0)
#endif
#define MAYRESPOND(h,i,m,r) (OPEN(h,r) && !mchanged[RX(h,r,i)] && LOCKFREE(h,r,i,m) && !BOUND(h,i,m))
#ifdef ONEPHASE
#define MAYADOPT(h,i,m,r) false
#else
#define MAYADOPT(h,i,m,r) (OPEN(h,r) && !mchanged[RX(h,r,i)] && HEADFREE(h,i,m) && HELD(h,r,m) && \
  (mresp[RX(h,r,i)] & BIT(m)))
#endif
#define MAYCHANGE(h,i,r) ((r) < R - 1 && OPEN(h,r) && !mchanged[RX(h,r,i)])
#if defined(ONEPHASE) && R > 1
/* The rule as it was first written: whoever has left a round accepts no certificate of it. */
#define CERTAT(h,i,m) ((ALLFAV(h,0,m) && !mchanged[RX(h,0,i)]) || ALLFAV(h,1,m))
#else
#define CERTAT(h,i,m) CERT(h,m)
#endif
#define MAYADVANCE(h,i,m) CERTAT(h,i,m)

/* ---- what must hold after every step --------------------------------------------------------- */
#define ONE(h) (!(CERT(h,0) && CERT(h,1)))
#define APART(a,b) ((a) != 0 && (b) != 0 && (a) != (b) && NEXT(a,0) != (b) && NEXT(a,1) != (b) && \
                    NEXT(b,0) != (a) && NEXT(b,1) != (a))
#define SPLIT2(i,j) (!BAD(i) && !BAD(j) && APART(cur[i],cur[j]))
#define STRAND2(h,i,j) (!BAD(i) && !BAD(j) && (adopted[AX(h,i)] | adopted[AX(h,j)]) == 3)

inline hold() {
#ifndef SPLITONLY
  assert(ONE(0));
#if LEVELS > 1
  assert(ONE(1)); assert(ONE(2));
#endif
#endif
  assert(!SPLIT2(0,1) && !SPLIT2(0,2) && !SPLIT2(1,2));
#if T > 3
  assert(!SPLIT2(0,3) && !SPLIT2(1,3) && !SPLIT2(2,3));
#endif
#if ROLLBACK == 99 && !defined(EXPEL) && !defined(ONEPHASE)
  /* Honest members are never bound to different motions: no disagreement can strand them. */
  assert(!STRAND2(0,0,1) && !STRAND2(0,0,2) && !STRAND2(0,1,2));
#if N > 3
  assert(!STRAND2(0,0,3) && !STRAND2(0,1,3) && !STRAND2(0,2,3));
#endif
#if LEVELS > 1
  assert(!STRAND2(1,0,1) && !STRAND2(1,0,2) && !STRAND2(1,1,2));
  assert(!STRAND2(2,0,1) && !STRAND2(2,0,2) && !STRAND2(2,1,2));
#endif
#endif
#if JOIN
  assert(BAD(N) || accepted || !CERT(0,0));   /* nobody joins without its word */
#endif
}

#ifdef TRACE
/* For each honest member, after each step: respond m0 m1, adopt m0 m1 (in the open round), change,
   advance m0 m1. The program that replays it must agree on every bit. */
#define ROUND(h) (R > 1 && OPEN(h,1) -> 1 : 0)   /* R <= 2 */
#define BITS(h,i,r) ((MAYRESPOND(h,i,0,r) -> 1 : 0) + (MAYRESPOND(h,i,1,r) -> 2 : 0) + \
  (MAYADOPT(h,i,0,r) -> 4 : 0) + (MAYADOPT(h,i,1,r) -> 8 : 0) + (!mchanged[RX(h,r,i)] -> 16 : 0) + \
  (MAYADVANCE(h,i,0) -> 32 : 0) + (MAYADVANCE(h,i,1) -> 64 : 0))
inline say() {
  byte k;
  k = 0;
  do :: k < T && !BAD(k) && ACTS(k) -> printf("may %d %d\n", k, BITS(cur[k], k, ROUND(cur[k]))); k++
     :: k < T && !(!BAD(k) && ACTS(k)) -> k++
     :: k >= T -> break od
}
/* kinds: 1 respond, 2 adopt, 3 change, 4 advance, 5 accept */
#define TELL(kind, i, m, r) printf("do %d member %d head %d motion %d round %d\n", kind, i, cur[i], m, r)
#else
#define TELL(kind, i, m, r) skip
inline say() { skip }
#endif

inline respond(i, m, r) {
  atomic { (ACTS(i) && MAYRESPOND(cur[i],i,m,r)) ->
    TELL(1, i, m, r);
    resp[RX(cur[i],r,i)] = resp[RX(cur[i],r,i)] | BIT(m);
    REMEMBER(mresp, RX(cur[i],r,i), mresp[RX(cur[i],r,i)] | BIT(m));
    hold(); say() }
}
inline adopt(i, m, r) {
  atomic { (ACTS(i) && MAYADOPT(cur[i],i,m,r)) ->
    TELL(2, i, m, r);
    adopted[AX(cur[i],i)] = adopted[AX(cur[i],i)] | BIT(m);
    REMEMBER(madopted, AX(cur[i],i), madopted[AX(cur[i],i)] | BIT(m));
    hold(); say() }
}
inline change(i, r) {
  atomic { (ACTS(i) && MAYCHANGE(cur[i],i,r)) ->
    TELL(3, i, 0, r);
    changed[RX(cur[i],r,i)] = true;
    REMEMBER(mchanged, RX(cur[i],r,i), true);
#ifdef LEAVEFREE
    madopted[AX(cur[i],i)] = 0;
#endif
    hold(); say() }
}
/* A joiner moves to the head that admits it; the others from head to head. */
inline advance(i, m) {
  atomic { (cur[i] < HEADS && (i < N || cur[i] == 1 || m == 0) && MAYADVANCE(cur[i],i,m)) ->
    TELL(4, i, m, 0);
    cur[i] = NEXT(cur[i], m);
#ifdef REKEY
    /* New keys by motion 1 of head 0: what they sign is remembered. */
    if :: i == ROLLBACK && cur[i] == 2 && !had_new -> frozen = false :: else -> skip fi;
#endif
    hold(); say() }
}

inline forget(i) {
  byte x;
  atomic { (i == ROLLBACK && !rolled) ->
    rolled = true;
#ifdef REKEY
    had_new = (cur[i] != 0);
#endif
#ifdef FREEZE
    frozen = true;
#endif
#if ROLLBACK != 99
    x = 0; do :: x < HEADS * R -> mresp[x * T + i] = 0; mchanged[x * T + i] = false; x++ :: else -> break od;
    x = 0; do :: x < HEADS -> madopted[x * T + i] = 0; x++ :: else -> break od;
#if defined(RECOVER) && !defined(WITHHOLD)
    x = 0;
    do :: x < HEADS * R -> mresp[x * T + i] = resp[x * T + i];
          mchanged[x * T + i] = changed[x * T + i]; x++
       :: else -> break od;
    x = 0; do :: x < HEADS -> madopted[x * T + i] = adopted[x * T + i]; x++ :: else -> break od;
#endif
    x = 0;
#endif
    cur[i] = 0;
    hold() }
}

#ifdef REKEY
inline by_root(i, r) {
  if
  :: atomic { (i == ROLLBACK && frozen && cur[i] == 0 && OPEN(0,r) && !(rootleft && (r) == 0)) ->
       resp[RX(0,r,i)] = resp[RX(0,r,i)] | BIT(1); hold() }
  :: atomic { (i == ROLLBACK && frozen && cur[i] == 0 && OPEN(0,r) && !(rootleft && (r) == 0) &&
               !rootadopt && (resp[RX(0,r,i)] & BIT(1)) && HELD(0,r,1)) ->
       rootadopt = true; adopted[AX(0,i)] = adopted[AX(0,i)] | BIT(1); hold() }
  fi
}
#endif

proctype Member(byte i) {
  do
  :: respond(i,0,0)
  :: respond(i,1,0)
  :: adopt(i,0,0)
  :: adopt(i,1,0)
#if R > 1
  :: change(i,0)
  :: respond(i,0,1)
  :: respond(i,1,1)
  :: adopt(i,0,1)
  :: adopt(i,1,1)
#endif
#if R > 2
  :: change(i,1)
  :: respond(i,0,2)
  :: respond(i,1,2)
  :: adopt(i,0,2)
  :: adopt(i,1,2)
#endif
#ifdef WITHDRAW
  :: atomic { (ACTS(i) && mresp[RX(cur[i],0,i)] != 0) -> mresp[RX(cur[i],0,i)] = 0; madopted[AX(cur[i],i)] = 0 }
#endif
  :: advance(i,0)
  :: advance(i,1)
#if ROLLBACK != 99
  :: forget(i)
#endif
#ifdef REKEY
  :: by_root(i,0)
#if R > 1
  :: by_root(i,1)
  :: atomic { (i == ROLLBACK && frozen && cur[i] == 0 && !changed[RX(0,0,i)]) ->
       changed[RX(0,0,i)] = true; rootleft = true; hold() }
#endif
#endif
#if JOIN
  :: atomic { (i == N && !accepted) -> TELL(5, i, 0, 0); accepted = true; hold(); say() }
#endif
  od
}

init {
  byte i;
  atomic {
    i = 0;
    do :: i < T && !BAD(i) -> run Member(i); i++
       :: i < T && BAD(i) -> i++
       :: else -> break od;
    i = 0
  }
}
