(** Matrices that move along a curve, and the sum of the products of their entries. *)
From mathcomp Require Import all_ssreflect all_algebra.
From Refseq Require Import Calculus.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Velocity.

Variable F : realFieldType.

(** Matrices that move along a curve: every entry has its derivative. *)
Definition velocity m n (U : F -> 'M[F]_(m, n)) (dU : 'M_(m, n)) : Prop :=
  forall i j, derivative (fun r => U r i j) (dU i j).

Lemma velocity_ext m n (U V : F -> 'M[F]_(m, n)) dU : U =1 V -> velocity U dU -> velocity V dU.
Proof. by move=> same vU i j; apply: derivative_ext (vU i j) => r; rewrite same. Qed.

Lemma velocity_add m n (U V : F -> 'M[F]_(m, n)) dU dV :
  velocity U dU -> velocity V dV -> velocity (fun r => U r + V r) (dU + dV).
Proof.
move=> vU vV i j; rewrite mxE; apply: derivative_ext (derivative_add (vU i j) (vV i j)) => r.
by rewrite mxE.
Qed.

Lemma velocity_mul m n k (U : F -> 'M[F]_(m, n)) (V : F -> 'M[F]_(n, k)) dU dV :
  velocity U dU -> velocity V dV -> velocity (fun r => U r *m V r) (dU *m V 0 + U 0 *m dV).
Proof.
move=> vU vV i j; rewrite !mxE -big_split /=.
apply: derivative_ext (derivative_sum _ (fun l => derivative_mul (vU i l) (vV l j))) => r.
by rewrite mxE.
Qed.

Lemma velocity_const m n (U : 'M[F]_(m, n)) : velocity (fun=> U) 0.
Proof. by move=> i j; rewrite mxE; apply: derivative_const. Qed.

Lemma velocity_sum m n (I : Type) (s : seq I) (U : I -> F -> 'M[F]_(m, n)) dU :
  (forall i, velocity (U i) (dU i)) -> velocity (fun r => \sum_(i <- s) U i r) (\sum_(i <- s) dU i).
Proof.
move=> each i j; rewrite summxE; apply: derivative_ext (derivative_sum s (fun l => each l i j)) => r.
by rewrite summxE.
Qed.

End Velocity.

Section Dot.

Variable F : realFieldType.

(** The sum of the products of the entries of two matrices of one shape. *)
Definition dot m n (A B : 'M[F]_(m, n)) : F := \tr (A^T *m B).

Lemma dot_vector n (u v : 'cV[F]_n) : dot u v = \sum_j u j 0 * v j 0.
Proof. by rewrite /dot /mxtrace big_ord1 !mxE; apply: eq_bigr => j _; rewrite mxE. Qed.

Lemma dotD m n (A B C : 'M[F]_(m, n)) : dot A (B + C) = dot A B + dot A C.
Proof. by rewrite /dot mulmxDr mxtraceD. Qed.

Lemma dotDl m n (A B C : 'M[F]_(m, n)) : dot (A + B) C = dot A C + dot B C.
Proof. by rewrite /dot linearD /= mulmxDl mxtraceD. Qed.

Lemma dot_one (I : finType) (i : I) m n (A : 'M[F]_(m, n)) (B : I -> 'M[F]_(m, n)) :
  \sum_l dot ((l == i)%:R *: A) (B l) = dot A (B i).
Proof.
rewrite (bigD1 i) //= eqxx scale1r big1 ?addr0 // => l /negPf ->.
by rewrite scale0r /dot trmx0 mul0mx mxtrace0.
Qed.

Lemma dot_sum m n (I : Type) (s : seq I) (A : I -> 'M[F]_(m, n)) B :
  dot (\sum_(i <- s) A i) B = \sum_(i <- s) dot (A i) B.
Proof. by rewrite /dot raddf_sum /= mulmx_suml raddf_sum. Qed.

Lemma dot_operand m n (d : 'cV[F]_m) (W : 'M_(m, n)) v : dot d (W *m v) = dot (W^T *m d) v.
Proof. by rewrite /dot trmx_mul trmxK mulmxA. Qed.

Lemma dot_matrix m n (d : 'cV[F]_m) (W : 'M_(m, n)) v : dot d (W *m v) = dot (d *m v^T) W.
Proof. by rewrite /dot trmx_mul trmxK -[in RHS]mulmxA [in RHS]mxtrace_mulC mulmxA. Qed.

Lemma derivative_dot n (u : 'cV[F]_n) v dv : velocity v dv -> derivative (fun r => dot u (v r)) (dot u dv).
Proof.
move=> mv; have := velocity_mul (velocity_const u^T) mv; rewrite mul0mx add0r => /(_ 0 0).
by rewrite /dot /mxtrace big_ord1; apply: derivative_ext => r; rewrite /dot /mxtrace big_ord1.
Qed.

End Dot.
