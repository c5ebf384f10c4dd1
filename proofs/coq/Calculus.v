(** Derivatives along a curve, over any ordered field, the real numbers among them.

    A curve is a function of one number r, and is looked at near r = 0. *)
From mathcomp Require Import all_ssreflect all_algebra.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Calculus.

Variable F : realFieldType.
Implicit Types (f g u v q : F -> F) (c d : F).

(** The derivative of f at 0 is d, as everybody defines it. *)
Definition derivative f d : Prop :=
  forall eps, 0 < eps -> exists2 delta, 0 < delta & forall r, `|r| < delta -> `|f r - f 0 - r * d| <= eps * `|r|.

(** The derivative of f at z is d. *)
Definition slope_at f z d : Prop := derivative (fun r => f (z + r)) d.

(** The same after Caratheodory: f r = f 0 + r q r with a quotient q that is continuous at 0, where it is d. *)
Definition continuous q : Prop :=
  forall eps, 0 < eps -> exists2 delta, 0 < delta & forall r, `|r| < delta -> `|q r - q 0| <= eps.

Definition quotient f d q : Prop := [/\ forall r, f r = f 0 + r * q r, q 0 = d & continuous q].

Lemma derivativeP f d : derivative f d <-> exists q, quotient f d q.
Proof.
split=> [small|[q [value <- near]] eps eps_gt0]; last first.
  have [delta delta_gt0 close] := near eps eps_gt0; exists delta => // r r_small.
  by rewrite value [f 0 + _]addrC addrK -mulrBr normrM mulrC ler_wpmul2r // close.
exists (fun r => if r == 0 then d else (f r - f 0) / r); split=> [r||eps eps_gt0].
- by case: eqP => [->|/eqP nonzero]; rewrite ?mul0r ?addr0 // mulrC divfK // addrC subrK.
- by rewrite eqxx.
have [delta delta_gt0 close] := small eps eps_gt0; exists delta => // r r_small; rewrite eqxx.
case: eqP => [_|/eqP nonzero]; first by rewrite subrr normr0 ltW.
have size_gt0 : 0 < `|r| by rewrite normr_gt0.
by rewrite -(ler_pmul2r size_gt0) -normrM mulrBl divfK // [d * r]mulrC; apply: close.
Qed.

Lemma continuous_const c : continuous (fun=> c).
Proof. by move=> eps eps_gt0; exists 1 => // r _; rewrite subrr normr0 ltW. Qed.

Lemma continuous_id : continuous id.
Proof. by move=> eps eps_gt0; exists eps => // r /ltW; rewrite subr0. Qed.

Lemma both_near (P Q : F -> Prop) :
  (exists2 delta, 0 < delta & forall r, `|r| < delta -> P r) ->
  (exists2 delta, 0 < delta & forall r, `|r| < delta -> Q r) ->
  exists2 delta, 0 < delta & forall r, `|r| < delta -> P r /\ Q r.
Proof.
case=> a a_gt0 near_a [b b_gt0 near_b]; exists (Num.min a b); first by rewrite lt_minr a_gt0.
by move=> r; rewrite lt_minr => /andP[/near_a ? /near_b].
Qed.

Lemma continuous_add q p : continuous q -> continuous p -> continuous (fun r => q r + p r).
Proof.
move=> cq cp eps eps_gt0; have half : 0 < eps / 2%:R by rewrite divr_gt0 ?ltr0n.
have [delta delta_gt0 near] := both_near (cq _ half) (cp _ half); exists delta => // r /near[nq np].
rewrite opprD addrACA (splitr eps); exact: le_trans (ler_norm_add _ _) (ler_add nq np).
Qed.

Lemma continuous_mul q p : continuous q -> continuous p -> continuous (fun r => q r * p r).
Proof.
move=> cq cp eps eps_gt0; pose A := `|q 0| + 1; pose B := `|p 0| + 1.
have A_gt0 : 0 < A by rewrite ltr_paddl.
have B_gt0 : 0 < B by rewrite ltr_paddl.
have a_gt0 : 0 < eps / 2%:R / B by rewrite !divr_gt0 ?ltr0n.
have b_gt0 : 0 < eps / 2%:R / A by rewrite !divr_gt0 ?ltr0n.
have [delta delta_gt0 near] := both_near (both_near (cq _ a_gt0) (cp _ b_gt0)) (cp _ ltr01).
exists delta => // r /near[[nq np] bounded].
have -> : q r * p r - q 0 * p 0 = (q r - q 0) * p r + q 0 * (p r - p 0).
  by rewrite mulrBl mulrBr addrA subrK.
rewrite (splitr eps); apply: le_trans (ler_norm_add _ _) _; rewrite !normrM; apply: ler_add.
  rewrite -[X in _ <= X](divfK (lt0r_neq0 B_gt0)); apply: ler_pmul => //.
  by rewrite -[p r](subrK (p 0)) addrC; apply: le_trans (ler_norm_add _ _) _; rewrite ler_add2l.
rewrite -[X in _ <= X](divfK (lt0r_neq0 A_gt0)) mulrC; apply: ler_pmul => //.
by rewrite ler_addl.
Qed.

Lemma continuous_comp q p : p 0 = 0 -> continuous q -> continuous p -> continuous (fun r => q (p r)).
Proof.
move=> p0 cq cp eps eps_gt0; have [delta delta_gt0 near] := cq _ eps_gt0.
have half : 0 < delta / 2%:R by rewrite divr_gt0 ?ltr0n.
have [gamma gamma_gt0 small] := cp _ half; exists gamma => // r /small; rewrite p0 subr0 => p_small.
by apply: near; apply: le_lt_trans p_small _; rewrite ltr_pdivr_mulr ?ltr0n // ltr_pmulr // ltr1n.
Qed.

Lemma derivative_unique f c d : derivative f c -> derivative f d -> c = d.
Proof.
move=> /derivativeP[q [fq <- cq]] /derivativeP[p [fp <- cp]].
apply/eqP; rewrite -subr_eq0 -normr_le0; apply/ler_addgt0Pr => eps eps_gt0; rewrite add0r.
have half : 0 < eps / 2%:R by rewrite divr_gt0 ?ltr0n.
have [delta delta_gt0 near] := both_near (cq _ half) (cp _ half).
pose r := delta / 2%:R; have r_gt0 : 0 < r by rewrite divr_gt0 ?ltr0n.
have [|nq np] := near r; first by rewrite gtr0_norm // ltr_pdivr_mulr ?ltr0n // ltr_pmulr // ltr1n.
have same : q r = p r by apply/(mulfI (lt0r_neq0 r_gt0))/(addrI (f 0)); rewrite -fq -fp.
rewrite (splitr eps) -(subrKA (q r)) {2}same; apply: le_trans (ler_norm_add _ _) (ler_add _ np).
by rewrite distrC.
Qed.

Lemma derivative_const c : derivative (fun=> c) 0.
Proof. by apply/derivativeP; exists (fun=> 0); split=> [r||]; rewrite ?mulr0 ?addr0 //; apply: continuous_const. Qed.

Lemma derivative_add u v du dv : derivative u du -> derivative v dv -> derivative (fun r => u r + v r) (du + dv).
Proof.
move=> /derivativeP[q [uq <- cq]] /derivativeP[p [vp <- cp]]; apply/derivativeP.
exists (fun r => q r + p r); split=> // [r|]; last exact: continuous_add.
by rewrite uq vp mulrDr addrACA.
Qed.

Lemma derivative_mul u v du dv :
  derivative u du -> derivative v dv -> derivative (fun r => u r * v r) (du * v 0 + u 0 * dv).
Proof.
move=> /derivativeP[q [uq <- cq]] /derivativeP[p [vp <- cp]]; apply/derivativeP.
exists (fun r => q r * v r + u 0 * p r); split=> // [r|].
  have -> : v 0 = v r - r * p r by rewrite (vp r) addrK.
  rewrite (uq r) mulrDl mulrBr mulrDr !mulrA [r * u 0]mulrC.
  by rewrite [RHS]addrA [_ - _ + _]addrAC subrK.
have cv : continuous v.
  have : continuous (fun r => v 0 + r * p r).
    apply: continuous_add; first exact: continuous_const.
    by apply: continuous_mul => //; apply: continuous_id.
  by move=> close eps /close[delta delta_gt0 near]; exists delta => // r /near; rewrite -vp mul0r addr0.
by apply: continuous_add; apply: continuous_mul => //; apply: continuous_const.
Qed.

Lemma derivative_scale c u du : derivative u du -> derivative (fun r => c * u r) (c * du).
Proof. by move=> /(derivative_mul (derivative_const c)); rewrite mul0r add0r. Qed.

Lemma derivative_comp f u d du : slope_at f (u 0) d -> derivative u du -> derivative (fun r => f (u r)) (d * du).
Proof.
move=> /derivativeP[p [fp <- cp]] /derivativeP[q [uq <- cq]]; apply/derivativeP.
exists (fun r => p (r * q r) * q r); split=> [r||]; last 1 first.
- apply: continuous_mul => //; apply: continuous_comp => //; first by rewrite mul0r.
  by apply: continuous_mul => //; apply: continuous_id.
- by rewrite (uq r) fp addr0 [p _ * _]mulrC mulrA.
by rewrite mul0r.
Qed.

Lemma derivative_ext u v d : u =1 v -> derivative u d -> derivative v d.
Proof. by move=> same du eps /du[delta ? near]; exists delta => // r /near; rewrite !same. Qed.

Lemma derivative_sum (I : Type) (s : seq I) (u : I -> F -> F) (du : I -> F) :
  (forall i, derivative (u i) (du i)) -> derivative (fun r => \sum_(i <- s) u i r) (\sum_(i <- s) du i).
Proof.
move=> each; elim: s => [|i s IH].
  by rewrite big_nil; apply: derivative_ext (derivative_const 0) => r; rewrite big_nil.
rewrite big_cons; apply: derivative_ext (derivative_add (each i) IH) => r; by rewrite big_cons.
Qed.

End Calculus.
