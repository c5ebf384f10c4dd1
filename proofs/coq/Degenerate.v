(** Gates that are open or shut: which recurrence becomes which other one.

    Gates are functions of any kind here, so that a gate can be exactly 0 or 1, as a saturated sigmoid is in floating
    point. *)
From mathcomp Require Import all_ssreflect all_algebra.
From Refseq Require Import Cells.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory.
Local Open Scope ring_scope.

(** Steps that agree everywhere make sequences that agree. *)
Lemma same_steps (S X : Type) (step1 step2 : S -> X -> S) : step1 =2 step2 -> foldl step1 =2 foldl step2.
Proof. by move=> same s xs; elim: xs s => [|x xs IH] s //=; rewrite same. Qed.

Section Gru.

Variables (R : ringType) (k n : nat) (s f : R -> R) (r z cand : affine R k n).
Implicit Types (x : 'cV[R]_k) (h : 'cV[R]_n).

(** Where the gates stand at one step. *)
Definition reset_is a h x := elman s r h x = a.
Definition update_is a h x := elman s z h x = a.

(** With z = 0 and r = 1 a GRU is an Elman network (L2.4, L4.10), with the reset before the recurrent product; with the
    reset after it, one whose bias is b_n + b_hn.
    Code: refseq/cells/gru.py apply_reset, update, forward_after; refseq/checks/properties/gates.py gru_as_elman
    Scope: every ring, all functions, numbers of inputs and units *)
Theorem gru_is_elman b_hn h x : update_is 0 h x -> reset_is (const_mx 1) h x ->
  gru_before s f r z cand h x = elman f cand h x
  /\ gru_after s f r z cand b_hn h x = elman f (Affine (W_hx cand) (W_hh cand) (b_h cand + b_hn)) h x.
Proof.
move=> shut open; rewrite /gru_before /gru_after shut open /update subr0 !mul0v !mul1v !add0r; split=> //.
by rewrite /elman /pre /= addrACA addrA.
Qed.

(** With z = 0 and r = 0 it is a feed-forward layer (L2.4, L4.10).
    Code: refseq/cells/gru.py apply_reset, update, forward_after; refseq/checks/properties/gates.py reset_gate_shut
    Scope: every ring, all functions, numbers of inputs and units *)
Theorem gru_is_feed_forward b_hn h x : update_is 0 h x -> reset_is 0 h x ->
  gru_before s f r z cand h x = feed_forward f cand x /\ gru_after s f r z cand b_hn h x = feed_forward f cand x.
Proof.
move=> shut none; rewrite /gru_before /gru_after shut none /update subr0 !mul0v !mul1v !add0r; split.
  by rewrite /elman /pre mulmx0 addr0.
by rewrite addr0.
Qed.

(** With z = 1 it copies its state whatever the input (L2.4, L4.10), through a whole sequence.
    Code: refseq/cells/gru.py update; refseq/checks/properties/gates.py update_gate_open
    Scope: every ring, all functions, numbers of inputs and units, length T *)
Theorem gru_copies b_hn h (xs : seq 'cV[R]_k) : (forall x, x \in xs -> update_is (const_mx 1) h x) ->
  foldl (gru_before s f r z cand) h xs = h /\ foldl (gru_after s f r z cand b_hn) h xs = h.
Proof.
have copy (candidate : 'cV[R]_n) : update (const_mx 1) candidate h = h.
  by rewrite /update subrr mul0v addr0 mul1v.
elim: xs => [|x xs IH] open //=; rewrite {2}/gru_before {2}/gru_after.
rewrite (open x) ?mem_head // !copy; apply: IH => y inside.
by apply: open; rewrite inE inside orbT.
Qed.

End Gru.

Section Leaky.

Variables (R : ringType) (k n : nat) (f : R -> R) (W : affine R k n).

(** A leaky unit with mu = 0 is an Elman network, and with mu = 1 keeps its state for ever (L4.9).
    Code: refseq/cells/leaky.py build
    Scope: every ring, all functions, numbers of inputs and units, length T *)
Theorem leaky_ends (h : 'cV[R]_n) (xs : seq 'cV[R]_k) :
  foldl (leaky f W 0) h xs = foldl (elman f W) h xs /\ foldl (leaky f W (const_mx 1)) h xs = h.
Proof.
split; first by apply: same_steps => a x; rewrite /leaky mul0v add0r subr0 mul1v.
by elim: xs => [|x xs IH] //=; rewrite {2}/leaky subrr mul0v addr0 mul1v.
Qed.

(** The additive unit adds: its state is the initial one and the sum of what the inputs made (L4.8). Its inputs may come
    in any order: it has lost the nonlinearity between steps.
    Code: refseq/cells/additive.py build
    Scope: every ring, all functions, numbers of inputs and units, length T *)
Theorem additive_is_a_sum (h : 'cV[R]_n) (xs : seq 'cV[R]_k) :
  foldl (additive f W) h xs = h + \sum_(x <- xs) feed_forward f W x.
Proof. by elim: xs h => [|x xs IH] h /=; rewrite ?big_nil ?addr0 // IH big_cons addrA. Qed.

End Leaky.

Section Lstm.

Variables (R : ringType) (k n : nat) (s f psi : R -> R) (W : gates R k n).

(** The first LSTM is the LSTM whose forget gates are 1 (L1.17).
    Code: refseq/cells/lstm_memory.py no_forget, both
    Scope: every ring, all functions, numbers of inputs and units, length T *)
Theorem no_forget_is_lstm state (xs : seq 'cV[R]_k) : (forall h x, elman s (forget W) h x = const_mx 1) ->
  foldl (lstm_no_forget s f psi W) state xs = foldl (lstm s f psi W) state xs.
Proof. by move=> open; apply: same_steps => -[h c] x; rewrite /lstm open. Qed.

(** The LSTM with coupled gates i = 1 - f (L4.14) is the LSTM whose input gate has the negative parameters of its forget
    gate, since 1 - sigmoid(a) = sigmoid(-a).
    Code: refseq/cells/lstm_memory.py coupled, both
    Scope: every ring, all functions with s(-a) = 1 - s(a), numbers of inputs and units, length T *)
Theorem coupled_is_lstm state (xs : seq 'cV[R]_k) : (forall a, s (- a) = 1 - s a) ->
  let mirrored := Affine (- W_hx (forget W)) (- W_hh (forget W)) (- b_h (forget W)) in
  foldl (lstm_coupled s f psi W) state xs
  = foldl (lstm s f psi (Gates mirrored (forget W) (candidate W) (out W))) state xs.
Proof.
move=> symmetric mirrored; apply: same_steps => -[h c] x; rewrite /lstm /lstm_coupled /=; congr lstm_step.
by apply/matrixP => i j; rewrite /elman /pre /= !mulNmx -!opprD !mxE symmetric.
Qed.

End Lstm.
