(** The forward algorithm of a weighted automaton: hidden Markov models, CTC. *)
From mathcomp Require Import all_ssreflect all_algebra.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory.
Local Open Scope ring_scope.

Section ForwardAlgorithm.

(** The weights of starting in a state, of moving at time t from one state to another (emission included, 0 where it is
    forbidden), and of stopping in a state. *)
Variables (R : ringType) (S : finType).
Variables (start : S -> R) (move : nat -> S -> S -> R) (stop : S -> R).

(** The forward variables, and the weight of going on from state r at time t through the states p. *)
Fixpoint alpha t s : R := if t is t'.+1 then \sum_r alpha t' r * move t' r s else start s.

Fixpoint weight t r (p : seq S) : R := if p is s :: rest then move t r s * weight t.+1 s rest else stop r.

(** The backward variables, j steps before the end. *)
Fixpoint beta j t r : R := if j is j'.+1 then \sum_s move t r s * beta j' t.+1 s else stop r.

Lemma beta_sums_paths j t r : beta j t r = \sum_(p : j.-tuple S) weight t r p.
Proof.
elim: j t r => [|j IH] t r /=; first by rewrite (big_pred1 [tuple]) // => p; apply/esym/eqP/tuple0.
rewrite (reindex (fun sp : S * j.-tuple S => [tuple of sp.1 :: sp.2])) /=; last first.
  exists (fun p : j.+1.-tuple S => (thead p, [tuple of behead p])) => [[s p] _|p _] /=.
    by congr pair; apply: val_inj.
  by rewrite [RHS]tuple_eta.
by rewrite -(pair_big predT predT (fun s (p : j.-tuple S) => move t r s * weight t.+1 s p)) /=;
   apply: eq_bigr => s _; rewrite IH mulr_sumr.
Qed.

(** At every time, forward and backward variables give the same total.
    Code: model only: the mathematical definition (Baum and others 1970), for hidden Markov models and CTC
    Scope: every ring, finite set of states, weights, time t, length T = t + j *)
Theorem forward_backward t j : \sum_s alpha (t + j) s * stop s = \sum_r alpha t r * beta j t r.
Proof.
elim: j t => [|j IH] t; first by rewrite addn0.
rewrite addnS -addSn {}IH /=.
under eq_bigr do rewrite mulr_suml.
rewrite exchange_big /=; apply: eq_bigr => r _; rewrite mulr_sumr.
by apply: eq_bigr => s _; rewrite mulrA.
Qed.

(** The forward algorithm is the sum over all paths of the product of the weights along the path, S^(T+1) of them, in
    time T S^2.
    Code: model only: the mathematical definition, for hidden Markov models and CTC
    Scope: every ring, finite set of states, weights, length T *)
Theorem forward_is_path_sum T :
  \sum_s alpha T s * stop s = \sum_r \sum_(p : T.-tuple S) start r * weight 0 r p.
Proof.
have := forward_backward 0 T; rewrite add0n => ->; apply: eq_bigr => r _.
by rewrite beta_sums_paths mulr_sumr.
Qed.

End ForwardAlgorithm.

Section HiddenMarkov.

(** Initial and transition probabilities, and those of what is observed at time t in a state; any numbers will do. *)
Variables (R : comRingType) (S : finType) (initial : S -> R) (transition : S -> S -> R) (emission : nat -> S -> R).

Definition hmm_start s : R := initial s * emission 0%N s.
Definition hmm_move t r s : R := transition r s * emission t.+1 s.

Lemma hmm_weight t r (p : seq S) :
  weight hmm_move (fun=> 1) t r p
  = \prod_(i < size p) transition (nth r (r :: p) i) (nth r p i) * \prod_(i < size p) emission (t + i).+1 (nth r p i).
Proof.
elim: p t r => [|s p IH] t r /=; first by rewrite !big_ord0 mul1r.
rewrite IH /hmm_move !big_ord_recl /= addn0 -!mulrA; congr (_ * _); rewrite mulrCA; congr (_ * (_ * _)).
  by apply: eq_bigr => i _ /=; congr transition; apply: set_nth_default => //=; rewrite ltnW ?ltnS.
by apply: eq_bigr => i _ /=; rewrite /bump leq0n add1n addnS addSn; congr emission; apply: set_nth_default.
Qed.

(** The likelihood of what was observed in T + 1 steps of a hidden Markov model is the sum, over all sequences of hidden
    states, of the product of the initial probability, the transitions and the emissions.
    Code: model only: the mathematical definition, for hidden Markov models (L2.1)
    Scope: every commutative ring, finite set of hidden states, probabilities, length T *)
Theorem hmm_likelihood T :
  \sum_s alpha hmm_start hmm_move T s
  = \sum_r \sum_(p : T.-tuple S) initial r * emission 0%N r
      * (\prod_(i < T) transition (nth r (r :: p) i) (nth r p i) * \prod_(i < T) emission i.+1 (nth r p i)).
Proof.
transitivity (\sum_s alpha hmm_start hmm_move T s * 1); first by apply: eq_bigr => s _; rewrite mulr1.
rewrite (forward_is_path_sum _ _ (fun=> 1)); apply: eq_bigr => r _; apply: eq_bigr => p _.
by rewrite hmm_weight size_tuple.
Qed.

End HiddenMarkov.
