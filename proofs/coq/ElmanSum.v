(** The lectures' double sum for the Elman network, letter by letter (L4.1). *)
From mathcomp Require Import all_ssreflect all_algebra.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory.
Local Open Scope ring_scope.

Section ElmanSum.

(** h_(t+1) = f(U h_t + ...): the slopes f'(z) of step t, the gradient of the loss at step t with respect to the state
    after it, and the state before it. *)
Variables (R : comRingType) (n : nat) (U : 'M[R]_n).
Variables (slopes : nat -> 'rV[R]_n) (g : nat -> 'cV[R]_n) (h : nat -> 'cV[R]_n).

(** BPTT: delta_t = diag(f'(z_t)) (g_t + U^T delta_(t+1)), when j steps are left. *)
Fixpoint delta j t : 'cV_n := if j is j'.+1 then diag_mx (slopes t) *m (g t + U^T *m delta j' t.+1) else 0.

(** (diag(f'(z_k)) U^T) ... (diag(f'(z_(k+i-1))) U^T). *)
Fixpoint product i k : 'M_n := if i is i'.+1 then diag_mx (slopes k) *m U^T *m product i' k.+1 else 1%:M.

(** delta_(t,k), from the loss at step t to step k. *)
Definition pair_delta t k : 'cV_n := product (t - k) k *m (diag_mx (slopes t) *m g t).

Lemma delta_sum T k : (k <= T)%N -> delta (T - k) k = \sum_(k <= t < T) pair_delta t k.
Proof.
move=> below; move: {2}(T - k)%N (erefl (T - k)%N) => j; elim: j k below => [|j IH] k below left.
  by rewrite left big_geq // -subn_eq0 left.
have kT : (k < T)%N by rewrite -subn_gt0 left.
rewrite -(subnSK kT) /= IH //; last by apply: succn_inj; rewrite -left subnSK.
rewrite (big_ltn kT) /pair_delta subnn /= mul1mx mulmxDr; congr (_ + _).
rewrite !mulmx_sumr; apply: eq_big_nat => t /andP[kt _].
by rewrite -(subnSK kt) /= !mulmxA.
Qed.

(** BPTT's gradient of U is the double sum: the sum over t and k <= t of delta_(t,k) h_k^T, h_k being the state that
    step k sees (the lecture counts it h_(k-1)).
    Code: refseq/gradients/double_sum.py double_sum_gradients; refseq/cells/elman.py build
    Scope: every commutative ring, slopes, loss gradients and states, number of units, length T *)
Theorem elman_bptt_is_double_sum T :
  \sum_(k < T) delta (T - k) k *m (h k)^T = \sum_(t < T) \sum_(k < T | (k <= t)%N) pair_delta t k *m (h k)^T.
Proof.
rewrite (exchange_big_dep predT) //=; apply: eq_bigr => k _.
by rewrite delta_sum 1?ltnW // big_geq_mkord mulmx_suml.
Qed.

End ElmanSum.
