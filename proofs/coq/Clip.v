(** Gradient clipping, by norm and by value. *)
From mathcomp Require Import all_ssreflect all_algebra.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Clip.

(** All gradients are one vector g; the norm is any function that is homogeneous and not negative, such as the Euclidean
    one over the real numbers. The threshold is positive. *)
Variables (F : realFieldType) (n : nat) (norm : 'rV[F]_n -> F).
Hypothesis norm_ge0 : forall g, 0 <= norm g.
Hypothesis norm_scale : forall a g, 0 <= a -> norm (a *: g) = a * norm g.

Variable threshold : F.
Hypothesis threshold_gt0 : 0 < threshold.

Definition factor g : F := if norm g <= threshold then 1 else threshold / norm g.

Definition clip_by_norm g : 'rV_n := factor g *: g.

Definition clip_by_value (g : 'rV_n) : 'rV_n := \row_i Num.min (Num.max (g 0 i) (- threshold)) threshold.

Lemma long_norm_gt0 g : (norm g <= threshold) = false -> 0 < norm g.
Proof. by move/negbT; rewrite -ltNge; apply: lt_trans. Qed.

(** The norm of gradients that are clipped by norm is at most the threshold, and is the threshold if anything was
    clipped.
    Code: refseq/clipping.py clip_by_norm
    Scope: every ordered field, homogeneous norm, number of entries *)
Theorem clipped_norm g :
  norm (clip_by_norm g) <= threshold /\ (threshold < norm g -> norm (clip_by_norm g) = threshold).
Proof.
rewrite /clip_by_norm /factor ltNge; case: (boolP (norm g <= threshold)) => [short|/negPf long].
  by rewrite scale1r.
have positive := long_norm_gt0 long.
have -> : norm (threshold / norm g *: g) = threshold; last by [].
by rewrite norm_scale ?divr_ge0 ?ltW // divfK // gt_eqF.
Qed.

(** Clipping by norm keeps the direction: the result is the gradients times one number in (0, 1].
    Code: refseq/clipping.py clip_by_norm
    Scope: every ordered field, homogeneous norm, number of entries *)
Theorem clipping_keeps_direction g : clip_by_norm g = factor g *: g /\ 0 < factor g <= 1.
Proof.
split=> //; rewrite /factor; case: (boolP (norm g <= threshold)) => [_|/negPf long]; first by rewrite ltr01 lexx.
have positive := long_norm_gt0 long.
by rewrite divr_gt0 //= ler_pdivr_mulr // mul1r ltW // ltNge long.
Qed.

(** Gradients within the threshold are left alone; so clipping twice is clipping once.
    Code: refseq/clipping.py clip_by_norm
    Scope: every ordered field, homogeneous norm, number of entries *)
Theorem clipping_is_idempotent g :
  (norm g <= threshold -> clip_by_norm g = g) /\ clip_by_norm (clip_by_norm g) = clip_by_norm g.
Proof.
have within h : norm h <= threshold -> clip_by_norm h = h.
  by move=> short; rewrite /clip_by_norm /factor short scale1r.
by split; [exact: within | apply: within; case: (clipped_norm g)].
Qed.

(** Every entry of gradients that are clipped by value is within the threshold, and one that was so before is unchanged.
    Code: refseq/clipping.py clip_by_value
    Scope: every ordered field, number of entries *)
Theorem clipped_entries g i :
  `|clip_by_value g 0 i| <= threshold /\ (`|g 0 i| <= threshold -> clip_by_value g 0 i = g 0 i).
Proof.
rewrite mxE ler_norml le_minl lexx orbT andbT le_minr le_maxr lexx orbT /=.
have negative : - threshold <= threshold by rewrite ge0_cp // ltW.
by split=> //; rewrite ler_norml => /andP[low high]; rewrite max_l // min_l.
Qed.

(** Adding a positive number to the norm, as some frameworks do and refseq does not, keeps the bound but misses the
    threshold: what is clipped ends strictly below it.
    Code: refseq/clipping.py clip_by_norm
    Scope: every ordered field, homogeneous norm, number of entries, eps > 0 *)
Theorem eps_misses_the_threshold eps g : 0 < eps -> threshold < norm g ->
  norm (threshold / (norm g + eps) *: g) < threshold.
Proof.
move=> eps_gt0 long; have sum_gt0 : 0 < norm g + eps by rewrite ltr_paddl.
rewrite norm_scale; last by rewrite divr_ge0 // ltW.
by rewrite mulrAC ltr_pdivr_mulr // ltr_pmul2l // ltr_addl.
Qed.

End Clip.

Section Euclid.

Variables (F : rcfType) (n : nat).

(** The square root of the sum of the squares, over the real numbers or any real closed field. *)
Definition global_norm (g : 'rV[F]_n) : F := Num.sqrt (\sum_i g 0 i ^+ 2).

(** The norm that the program uses is one of those that the theorems above are about.
    Code: refseq/clipping.py global_norm
    Scope: every real closed field (the real numbers), number of entries *)
Theorem global_norm_is_a_norm :
  (forall g, 0 <= global_norm g) /\ forall a g, 0 <= a -> global_norm (a *: g) = a * global_norm g.
Proof.
split=> [g|a g a_ge0]; first exact: sqrtr_ge0.
rewrite /global_norm (eq_bigr (fun i => a ^+ 2 * g 0 i ^+ 2)) => [|i _]; last by rewrite mxE exprMn.
by rewrite -mulr_sumr sqrtrM ?exprn_ge0 // sqrtr_sqr ger0_norm.
Qed.

End Euclid.
