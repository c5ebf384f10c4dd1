(** Truncated backpropagation through time, BPTT(k1, k2): every k1 steps, back through the last k2 steps.

    Times count from 0 here: the losses k1 c <= t < k1 (c + 1) of chunk number c go back to k1 (c + 1) - k2 at most. *)
From mathcomp Require Import all_ssreflect all_algebra.
From Refseq Require Import Linear DoubleSum.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory.
Local Open Scope ring_scope.

Section Truncation.

Variables (R : ringType) (n m p : nat) (S : steps R n m p).
Variables (dy : nat -> 'rV[R]_m) (e : 'rV[R]_n) (k1 k2 T : nat).
Hypothesis k1_gt0 : (0 < k1)%N.

(** The number of chunks; where the window of chunk c begins and ends. *)
Definition chunks : nat := (T.-1 %/ k1).+1.
Definition first c : nat := (k1 * c.+1 - k2)%N.
Definition stop c : nat := minn T (k1 * c.+1).

(** The cotangents of chunk c: its own losses, and that of the final state in the last chunk. *)
Definition dy_of c t : 'rV_m := if (k1 * c <= t)%N then dy t else 0.
Definition e_of c : 'rV_n := if c.+1 == chunks then e else 0.

(** What the program adds up: the gradients of every chunk through its window. *)
Definition truncated : 'rV_p :=
  \sum_(c < chunks) \sum_(first c <= k < stop c) gradient S (dy_of c) (e_of c) (stop c) k.

(** The pairs (t, k) of loss and use that are counted. *)
Definition counted t k := (k1 * (t %/ k1).+1 - k2 <= k <= t)%N.

Lemma in_chunk c t : (t %/ k1 == c)%N = (k1 * c <= t < k1 * c.+1)%N.
Proof. by rewrite eqn_leq andbC leq_divRL // -(ltnS (t %/ k1)) ltn_divLR // ![(_ * k1)%N]mulnC. Qed.

Lemma widen first' stop' (F : nat -> 'rV[R]_p) : (stop' <= T)%N ->
  \sum_(first' <= k < stop') F k = \sum_(k < T | (first' <= k < stop')%N) F k.
Proof. by move=> below; rewrite (big_nat_widen _ _ T) // big_geq_mkord; apply: eq_bigl => k; rewrite andbC. Qed.

Lemma last_chunk c : c.+1 = chunks -> stop c = T.
Proof.
rewrite /stop /chunks => -[->]; case: T => [|T'] /=; first by rewrite min0n.
by apply/minn_idPl; rewrite mulnC; apply: ltn_ceil.
Qed.

(** BPTT(k1, k2), chunk by chunk, is the double sum over the pairs of loss and use with k1 ceil(t / k1) - k2 < k <= t
    (times counted from 1, as in the program's text); the loss of the final state has the time of the last step.
    Code: refseq/gradients/truncated.py truncated_gradients, Stream; refseq/gradients/double_sum.py double_sum_gradients
    Scope: every ring, sizes n, m, p, length T, k1 > 0, k2 *)
Theorem truncated_is_double_sum :
  truncated = \sum_(t < T) \sum_(k < T | counted t k) pair S dy t k
              + \sum_(k < T | counted T.-1 k) final S e T k.
Proof.
transitivity (\sum_(c < chunks) (\sum_(t < T | (t %/ k1)%N == c) \sum_(k < T | (first c <= k <= t)%N) pair S dy t k
              + \sum_(k < T | (first c <= k < stop c)%N) (if c.+1 == chunks then final S e T k else 0))).
  apply: eq_bigr => c _.
  have in_time : (stop c <= T)%N by apply: geq_minl.
  rewrite (eq_big_nat _ _ (fun k below => gradient_is_sum_over_losses _ _ _ (proj2 (andP below)))).
  rewrite widen // big_split /=; congr (_ + _); last first.
    apply: eq_bigr => k _; rewrite /final /e_of.
    by case: eqP => [/last_chunk ->|] //; rewrite !mul0mx.
  have own t k : (t %/ k1 == c)%N = false -> (t < stop c)%N -> pair S (dy_of c) t k = 0.
    rewrite in_chunk /stop leq_min /pair /dy_of => /[swap] /andP[_ ->].
    by rewrite andbT => ->; rewrite !mul0mx if_same.
  under eq_bigr do rewrite widen //.
  rewrite (exchange_big_dep predT) //= [RHS]big_mkcond /=; apply: eq_bigr => t _.
  case: ifP => [chunk|chunk]; last first.
    by rewrite big1 // => k /andP[_ /andP[_ below]]; rewrite own.
  have := chunk; rewrite in_chunk => /andP[begun ended].
  have below : (t < stop c)%N by rewrite leq_min ltn_ord.
  apply: eq_big => k; last by rewrite /pair /dy_of begun.
  rewrite below andbT -andbA; congr (_ && _).
  by apply: andb_idl => /leq_ltn_trans; apply.
rewrite big_split /=; congr (_ + _).
  have inside t : (t < T -> t %/ k1 < chunks)%N.
    by move=> below; rewrite ltnS leq_div2r // -ltnS (ltn_predK below).
  rewrite [RHS](partition_big (fun t : 'I_T => Ordinal (inside t (ltn_ord t))) predT) //=.
  by apply: eq_bigr => c _; apply: eq_big => [t|t /eqP <-]; rewrite // -val_eqE.
rewrite big_ord_recr /= big1 ?add0r => [|c _]; last first.
  by rewrite big1 // => k _; rewrite eqSS ltn_eqF.
rewrite eqxx; apply: eq_bigl => k; rewrite /counted; congr (_ && _).
by rewrite last_chunk // ltn_ord -ltnS prednK ?ltn_ord // (leq_ltn_trans (leq0n k)).
Qed.

(** With k1 and k2 at least T it is BPTT.
    Code: refseq/gradients/truncated.py truncated_gradients
    Scope: every ring, sizes n, m, p, length T *)
Theorem truncation_at_T_is_bptt : (T <= k1 <= k2)%N -> truncated = \sum_(k < T) gradient S dy e T k.
Proof.
move=> /andP[short long]; have one : chunks = 1%N.
  by rewrite /chunks divn_small //; case: T short => // T' /(leq_trans (leqnn _)).
rewrite /truncated one big_ord1 /first /stop muln1 (eqP (long : (k1 - k2 == 0)%N)) (minn_idPl short) big_mkord.
by apply: eq_bigr => k _; rewrite /e_of one /gradient; congr (_ *m _ + _); rewrite /dy_of muln0.
Qed.

End Truncation.
