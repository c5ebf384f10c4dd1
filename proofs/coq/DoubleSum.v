(** The gradient as an explicit double sum over the time of the loss and the time of the use. *)
From mathcomp Require Import all_ssreflect all_algebra.
From Refseq Require Import Linear.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory.
Local Open Scope ring_scope.

Section DoubleSum.

Variables (R : ringType) (n m p : nat) (S : steps R n m p).
Variables (dy : nat -> 'rV[R]_m) (e : 'rV[R]_n).

(** A_(t+j-1) ... A_t, the derivative of the state before step t + j with respect to that before step t. *)
Fixpoint transition j t : 'M[R]_n := if j is j'.+1 then transition j' t.+1 *m A S t else 1%:M.

(** What the loss at step t, dy_t y_t, contributes to the gradient of what step k uses. *)
Definition pair t k : 'rV[R]_p :=
  if t == k then dy t *m D S t else dy t *m C S t *m transition (t - k.+1) k.+1 *m B S k.

(** What the loss at the end, e s_T, contributes to it. *)
Definition final T k : 'rV[R]_p := e *m transition (T - k.+1) k.+1 *m B S k.

Lemma tangent_transition u v j t : (forall i, u i = 0) ->
  tangent S u v (t + j) = transition j t *m tangent S u v t.
Proof.
move=> silent; elim: j t => [|j IH] t /=; first by rewrite addn0 mul1mx.
by rewrite addnS -addSn IH /= silent mulmx0 addr0 mulmxA.
Qed.

Lemma cotangent_sum T k : (k <= T)%N ->
  cotangent S dy e (T - k) k
  = \sum_(k <= t < T) dy t *m C S t *m transition (t - k) k + e *m transition (T - k) k.
Proof.
move=> below; move: {2}(T - k)%N (erefl (T - k)%N) => j; elim: j k below => [|j IH] k below left.
  have -> : k = T by apply/eqP; rewrite eqn_leq below -subn_eq0 left eqxx.
  by rewrite subnn big_geq // add0r /= mulmx1.
have kT : (k < T)%N by rewrite -subn_gt0 left.
rewrite -(subnSK kT) /= IH //; last by apply: succn_inj; rewrite -left subnSK.
rewrite (big_ltn kT) subnn /= mulmx1 mulmxDl -addrA mulmxA; congr (_ + (_ + _)).
rewrite mulmx_suml; apply: eq_big_nat => t /andP[kt _].
by rewrite -(subnSK kt) /= !mulmxA.
Qed.

(** The gradient of what step k uses is the sum over the losses at step k and later.
    Code: refseq/gradients/double_sum.py double_sum_gradients, state_cotangents
    Scope: every ring, sizes n, m, p, length T *)
Theorem gradient_is_sum_over_losses T k : (k < T)%N ->
  gradient S dy e T k = \sum_(k <= t < T) pair t k + final T k.
Proof.
move=> kT; rewrite /gradient cotangent_sum // (big_ltn kT) {1}/pair eqxx mulmxDl addrA; congr (_ + _ + _).
rewrite mulmx_suml; apply: eq_big_nat => t /andP[kt _].
by rewrite /pair gtn_eqF.
Qed.

(** BPTT is the double sum of the lectures (L4.1): over the time t of the loss and the time k <= t of the use, a product
    of the Jacobians between them.
    Code: refseq/scan.py backward_row, gradient_row; refseq/gradients/double_sum.py double_sum_gradients
    Scope: every ring, sizes n, m, p, length T *)
Theorem bptt_is_double_sum T :
  \sum_(k < T) gradient S dy e T k = \sum_(t < T) \sum_(k < T | (k <= t)%N) pair t k + \sum_(k < T) final T k.
Proof.
transitivity (\sum_(k < T) (\sum_(t < T | (k <= t)%N) pair t k + final T k)).
  by apply: eq_bigr => k _; rewrite gradient_is_sum_over_losses // big_geq_mkord.
by rewrite big_split /= (exchange_big_dep predT).
Qed.

End DoubleSum.
